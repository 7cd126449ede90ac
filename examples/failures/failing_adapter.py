import asyncio

from snakepit_bridge import BaseAdapter, tool


class FailingAdapter(BaseAdapter):
    @tool
    def divide(self, a: float, b: float) -> float:
        return a / b

    @tool
    async def wait(self, seconds: float) -> None:
        """Waits; a call that is given up ends here too, because it is a coroutine."""
        await asyncio.sleep(seconds)
