"""What a command line says of calls that come at the same time, apart from all that it needs: a command
line is read early."""

from __future__ import annotations

import sys
from typing import NamedTuple

OFF, WARN, STRICT = "off", "warn", "strict"
MODES = (OFF, WARN, STRICT)


class ThreadProfile(NamedTuple):
    """How many calls one worker runs at the same time; 0 is the process profile."""

    threads: int = 0
    check: str = OFF


PROCESS_PROFILE = ThreadProfile()


def is_gil_enabled() -> bool:
    """False on a free-threaded Python that really runs without the interpreter's lock."""
    ask = getattr(sys, "_is_gil_enabled", None)
    return True if ask is None else bool(ask())
