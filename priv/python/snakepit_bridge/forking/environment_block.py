"""The environment that the kernel shows of a process: that of its program's start.

A fork shows its parent's, so every worker would carry the marks of its server. The runtime finds what a
worker left behind by one entry, `SNAKEPIT_WORKER`, also in processes that were forked and never executed
a program. So the server is started with room for it, and each fork writes its own there, in its own memory.
"""

from __future__ import annotations

from typing import NamedTuple

from snakepit_bridge.process_group import parse_stat

ROOM = b"SNAKEPIT_FORK_ROOM="
_WORKER = b"SNAKEPIT_WORKER="
# As long as the name above: in a fork, whose worker its server was.
_SERVER = b"SNAKEPIT_SERVER="
_START_FIELD = 50 - 3  # `env_start` of proc(5), counted from the state


class _Slot(NamedTuple):
    """Where an entry is in memory, without the zero at its end."""

    address: int
    length: int


class EnvironmentBlock(NamedTuple):
    """What can be rewritten of it."""

    room: _Slot
    server: _Slot | None
    """The server's own label."""

    def name_worker(self, label: str) -> bool:
        """Shows `SNAKEPIT_WORKER=label` from now on, and no label of the server's. Returns False, and
        changes nothing, when the label is too long. Raises OSError."""
        entry = _WORKER + label.encode("utf-8", "surrogateescape")
        if len(entry) > self.room.length:
            return False
        _write(self.room.address, entry.ljust(self.room.length, b"\0"))
        if self.server is not None:
            _write(self.server.address, _SERVER)
        return True


def find_environment_block() -> EnvironmentBlock | None:
    """None where there is no room, or where memory cannot be written in this way."""
    try:
        with open("/proc/self/environ", "rb") as file:
            shown = file.read()
        with open("/proc/self/stat", "rb") as file:
            start = int(parse_stat(file.read())[_START_FIELD])
        room = _find(shown, ROOM, start)
        if room is None or start == 0:
            return None
        _write(room.address, ROOM)  # as it is: whether that is possible
    except (OSError, ValueError, IndexError):
        return None
    return EnvironmentBlock(room, _find(shown, _WORKER, start))


def _find(shown: bytes, name: bytes, start: int) -> _Slot | None:
    at = 0 if shown.startswith(name) else shown.find(b"\0" + name) + 1
    if at == 0 and not shown.startswith(name):
        return None
    end = shown.find(b"\0", at)
    return _Slot(start + at, (len(shown) if end == -1 else end) - at)


def _write(address: int, data: bytes) -> None:
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(address)
        memory.write(data)
