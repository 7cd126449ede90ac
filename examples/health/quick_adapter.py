"""The smallest adapter there is."""

from snakepit_bridge import tool


class Quick:
    @tool
    def add(self, a: int, b: int) -> int:
        return a + b
