from snakepit_bridge import BaseAdapter, tool


class MyAdapter(BaseAdapter):
    @tool(description="Add two numbers")
    def add(self, a: int, b: int) -> int:
        return a + b
