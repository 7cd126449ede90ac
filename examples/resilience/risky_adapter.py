import os

from snakepit_bridge import tool


class RiskyAdapter:
    @tool
    def square(self, n: int) -> int:
        return n * n

    @tool
    def crash(self, n: int) -> int:
        os.abort()
