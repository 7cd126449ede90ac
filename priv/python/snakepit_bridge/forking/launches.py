"""Launches that are not complete: the request, or one of the connections, has yet to come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from .requests import ChannelHeader, ForkRequest

LATE_SECONDS = 5.0
MAX_LAUNCHES = 4096


class Launch:
    """One worker to be."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.request: ForkRequest | None = None
        self.channels: dict[str, socket.socket] = {}
        self.deadline = time.monotonic() + LATE_SECONDS

    def missing(self) -> frozenset[str]:
        """Roles for which no connection has come."""
        return frozenset() if self.request is None else self.request.channels - set(self.channels)

    def is_complete(self) -> bool:
        """Whether the worker can be forked."""
        return self.request is not None and not self.missing()

    def close(self) -> None:
        """Closes its connections."""
        for connection in self.channels.values():
            connection.close()

    def abandon(self) -> None:
        """In a fork: leaves every descriptor to whoever closes it by number."""
        for connection in self.channels.values():
            connection.detach()


class Launches:
    """Each waits for five seconds at most: first from what came first, then from its request."""

    def __init__(self) -> None:
        self._launches: dict[int, Launch] = {}  # by deadline

    def count(self) -> int:
        """How many there are."""
        return len(self._launches)

    def count_channels(self) -> int:
        """How many connections wait."""
        return sum(len(launch.channels) for launch in self._launches.values())

    def has_request(self, number: int) -> bool:
        """Whether this launch has been asked for."""
        launch = self._launches.get(number)
        return launch is not None and launch.request is not None

    def add_request(self, request: ForkRequest) -> Launch:
        """Takes the request of a launch that has none; closes connections that it does not name."""
        launch = self._launches.pop(request.launch, None) or Launch(request.launch)
        launch.request = request
        launch.deadline = time.monotonic() + LATE_SECONDS
        for role in [role for role in launch.channels if role not in request.channels]:
            launch.channels.pop(role).close()
        self._launches[launch.number] = launch
        return launch

    def add_channel(self, header: ChannelHeader, connection: socket.socket) -> Launch | None:
        """Takes a connection; closes it, and returns None, when nobody can need it."""
        launch = self._launches.setdefault(header.launch, Launch(header.launch))
        unwanted = launch.request is not None and header.role not in launch.request.channels
        if unwanted or header.role in launch.channels:
            connection.close()
            return None
        launch.channels[header.role] = connection
        return launch

    def take(self, number: int) -> Launch | None:
        """A launch, which is the caller's from now on."""
        return self._launches.pop(number, None)

    def take_all(self) -> list[Launch]:
        """All of them."""
        launches = list(self._launches.values())
        self._launches.clear()
        return launches

    def take_late(self, now: float) -> Iterator[Launch]:
        """Those for which nothing is waited any longer."""
        while (at := self.deadline()) is not None and at <= now:
            yield self._launches.pop(next(iter(self._launches)))

    def deadline(self) -> float | None:
        """When the first of them is late, on the clock of `time.monotonic`."""
        return next((launch.deadline for launch in self._launches.values()), None)
