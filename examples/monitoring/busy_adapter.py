import time

from snakepit_bridge import tool


class BusyAdapter:
    @tool
    def work(self, milliseconds: float) -> float:
        time.sleep(milliseconds / 1000)
        return milliseconds

    @tool
    def fail(self) -> None:
        raise ValueError("as it was told to")
