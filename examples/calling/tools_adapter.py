import os
import time

from snakepit_bridge import tool


class Tools:
    def set_session_context(self, context):
        self.context = context

    @tool(description="Add two numbers")
    def add(self, a: int, b: int) -> int:
        return a + b

    @tool(description="Work that can be given up")
    def grind(self, seconds: float) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.context.cancelled:
                return "stopped"
            time.sleep(0.01)
        return "done"

    @tool
    def process(self) -> int:
        return os.getpid()
