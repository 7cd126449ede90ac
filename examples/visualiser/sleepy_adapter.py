import time

from snakepit_bridge import tool


class SleepyAdapter:
    @tool
    def nap(self, seconds: float) -> float:
        time.sleep(seconds)
        return seconds
