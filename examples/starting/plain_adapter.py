from snakepit_bridge import tool


class Plain:
    @tool
    def square(self, n: int) -> int:
        return n * n
