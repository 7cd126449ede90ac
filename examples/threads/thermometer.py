import sqlite3
import threading
import time

from snakepit_bridge import ThreadSafeAdapter, tool

DATABASE = "file:thermometer?mode=memory&cache=shared"


class Thermometer(ThreadSafeAdapter):
    readings = 0

    @tool
    def measure(self, seconds: float) -> str:
        """Waits, as for a sensor; meanwhile other calls run."""
        time.sleep(seconds)
        # What calls share is guarded.
        with self.acquire_lock():
            Thermometer.readings += 1
        return threading.current_thread().name

    @tool
    def remember(self, celsius: float) -> int:
        """A connection belongs to the thread that made it, so every thread has its own."""
        connection = self.get_thread_local("connection")
        if connection is None:
            connection = sqlite3.connect(DATABASE, uri=True)
            connection.execute("CREATE TABLE IF NOT EXISTS log (celsius REAL)")
            self.set_thread_local("connection", connection)
        with self.acquire_lock(), connection:
            connection.execute("INSERT INTO log VALUES (?)", (celsius,))
            return connection.execute("SELECT count(*) FROM log").fetchone()[0]

    @tool(thread_sensitive=True)
    def draw(self) -> str:
        """For a library that must be used from one thread only."""
        return threading.current_thread().name
