import asyncio
import time

from snakepit_bridge import BaseAdapter, tool


class Text(BaseAdapter):
    # Importing this opens nothing and starts nothing, so workers may be forked from a process that has.
    fork_safe = True
    # Its tools keep nothing between calls, so they may run side by side.
    __thread_safe__ = True

    @tool(description="Count the words of a text")
    def words(self, text: str, seconds: float = 0.0) -> int:
        time.sleep(seconds)
        return len(text.split())

    @tool(description="The same, waiting without a thread")
    async def wait_words(self, text: str, seconds: float = 0.0) -> int:
        await asyncio.sleep(seconds)
        return len(text.split())
