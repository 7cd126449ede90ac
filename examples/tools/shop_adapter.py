from collections.abc import Iterator
from typing import TypedDict

from snakepit_bridge import BaseAdapter, NodeToolError, tool


class Line(TypedDict):
    """One line of a bill."""

    item: str
    cents: int


class Shop(BaseAdapter):
    @tool
    def price(self, item: str, count: int = 1) -> int:
        """Says what something costs, in cents.

        Args:
            item: what it is
            count: how many of it
        """
        in_stock = self.session_context.call_node_tool("stock.find", item=item)
        if in_stock < count:
            raise LookupError(f"only {in_stock} of {item}")
        return count * 25

    @tool(supports_streaming=True)
    async def bill(self, items: list[str]) -> Iterator[Line]:
        """Writes a bill, line by line."""
        for item in items:
            found = await self.session_context.acall_node_tool("price.look_up", item=item)
            yield {"item": item, "cents": found}

    @tool
    def explain(self, item: str) -> str:
        try:
            return self.session_context.call_node_tool("price.look_up", item=item)
        except NodeToolError as error:
            return f"{error.code}: {error}"
