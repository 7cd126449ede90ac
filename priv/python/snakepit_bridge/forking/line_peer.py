"""A peer that speaks in lines of JSON, on a socket on which nothing is ever waited for."""

from __future__ import annotations

import os
import select
import time
from typing import Any

from snakepit_bridge.beats import encode_line

from .watch import READ, WRITE

_CHUNK_BYTES = 64 * 1024
# How long the last words may take when the peer reads slowly.
_FINISH_SECONDS = 1.0


class LinePeer:
    """One end of a channel; the descriptor stays the caller's.

    `limit` is the longest line in bytes that the peer may send, and what is sent to it is shortened to.
    """

    def __init__(self, fd: int, limit: int) -> None:
        self.fd = fd
        self._limit = limit
        self._coming = b""
        self._leaving = bytearray()
        os.set_blocking(fd, False)

    def events(self) -> int:
        """What is to be waited for: who does not read what is said is not listened to, either."""
        reading = READ if len(self._leaving) <= self._limit else 0
        return reading | WRITE if self._leaving else reading

    def receive(self) -> list[bytes] | None:
        """The lines that have come; None at the end, however it came. Raises ValueError when a line
        exceeds the limit."""
        try:
            chunk = os.read(self.fd, _CHUNK_BYTES)
        except BlockingIOError:
            return []
        except OSError:  # reset by the peer
            return None
        if not chunk:
            return None
        *lines, self._coming = (self._coming + chunk).split(b"\n")
        if max(map(len, (*lines, self._coming))) > self._limit:
            raise ValueError(f"a line exceeds {self._limit} bytes")
        return lines

    def send(self, message: dict[str, Any]) -> None:
        """Sends one message now, or when the peer reads."""
        self._leaving += encode_line(message)
        self.flush()

    def flush(self) -> None:
        """Sends as much as goes now. What nobody can read any more is gone: the reading side sees the
        same end."""
        try:
            while self._leaving:
                del self._leaving[: os.write(self.fd, self._leaving)]
        except BlockingIOError:
            return
        except OSError:
            self._leaving.clear()

    def finish(self) -> None:
        """Sends what is left, as long as that takes no longer than a second."""
        deadline = time.monotonic() + _FINISH_SECONDS
        poller = select.poll()
        poller.register(self.fd, select.POLLOUT)
        while self._leaving and (left := deadline - time.monotonic()) > 0:
            poller.poll(left * 1000)
            self.flush()
