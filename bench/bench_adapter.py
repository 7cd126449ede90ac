"""The tools that the benchmarks call."""

from __future__ import annotations

from snakepit_bridge import BaseAdapter, tool


class BenchAdapter(BaseAdapter):
    """Does as little as possible, so that what is measured is the way there and back."""

    @tool(description="Give back what was sent")
    async def echo(self, text: str) -> str:
        return text
