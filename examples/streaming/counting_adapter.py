import asyncio

from snakepit_bridge import tool


class Counting:
    @tool(description="Count", supports_streaming=True)
    def count(self, to: int):
        for number in range(to):
            yield {"number": number}

    @tool(supports_streaming=True)
    async def tick(self, seconds: float):
        tick = 0
        try:
            while True:
                yield tick
                tick += 1
                await asyncio.sleep(seconds)
        finally:
            print("the generator is closed", flush=True)

    @tool(supports_streaming=True)
    def stumble(self):
        yield "one step"
        raise RuntimeError("a stone")
