"""The tools that the benchmarks call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from snakepit_bridge import BaseAdapter, tool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class BenchAdapter(BaseAdapter):
    """Does as little as possible, so that what is measured is the way there and back."""

    fork_safe = True

    @tool(description="Give back what was sent")
    async def echo(self, text: str) -> str:
        return text

    @tool(description="Compute for so long, and give back what was sent")
    async def work(self, text: str, milliseconds: float) -> str:
        until = time.thread_time() + milliseconds / 1000
        while time.thread_time() < until:
            pass
        return text

    @tool(description="Give back bytes")
    async def blob(self, data: bytes) -> bytes:
        return data

    @tool(description="Count", supports_streaming=True)
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number
