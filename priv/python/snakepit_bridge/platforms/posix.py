"""Any POSIX system: who our parent is changes when it dies."""

from __future__ import annotations

import os
import time

from .parent_thread import start_parent_thread

DEATH_SIGNAL = None
POLL_SECONDS = 0.5


def take_precautions() -> None:
    """Nothing: the process group takes the children along."""


def is_loaded() -> bool:
    """Always."""
    return True


def load() -> None:
    """Nothing is slow here."""


def arm(parent: int) -> None:
    """Watches in a thread of its own."""
    start_parent_thread(wait_for_end, parent)


def wait_for_end(parent: int) -> None:
    """Asks twice a second who our parent is.

    Not whether a process of that number exists: a zombie does, and so does the number's next owner.
    """
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
