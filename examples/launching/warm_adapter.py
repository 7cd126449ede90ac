import os
import time

from snakepit_bridge import BaseAdapter, tool

# What takes long to load and to compute is there once, for all workers.
SQUARES = {number: number**2 for number in range(100_000)}
IMPORTED_BY = os.getpid()


class WarmAdapter(BaseAdapter):
    # Importing this module starts no thread and opens nothing.
    fork_safe = True

    @tool
    def square(self, number: int) -> int:
        return SQUARES[number]

    @tool
    def origin(self) -> list[int]:
        """Who has imported this module, and who executes it."""
        time.sleep(0.2)
        return [IMPORTED_BY, os.getpid()]
