"""macOS: the kernel's event queue tells of the parent's exit.

Verified with faked system calls on Linux, and for real by the jobs for macOS.
"""

from __future__ import annotations

import os
import select
from typing import Any

from . import posix
from .parent_thread import start_parent_thread

DEATH_SIGNAL = None


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
    """Sleeps until the kernel reports the exit. No polling, and no number that could be reused:
    once registered, the event belongs to this process."""
    kernel: Any = select  # its names exist on BSD systems only
    queue = kernel.kqueue()
    try:
        exit_of_parent = kernel.kevent(
            parent,
            filter=kernel.KQ_FILTER_PROC,
            flags=kernel.KQ_EV_ADD | kernel.KQ_EV_ONESHOT,
            fflags=kernel.KQ_NOTE_EXIT,
        )
        try:
            queue.control([exit_of_parent], 0)
        except ProcessLookupError:
            return  # dead already
        # The number may have had a new owner by the time it was registered.
        if os.getppid() != parent:
            return
        if _is_exit(queue.control(None, 1), parent):
            return
    except OSError:  # a library closed the queue
        pass
    # The slow way needs no descriptor. The queue is not closed: its number may be somebody else's.
    posix.wait_for_end(parent)


def _is_exit(events: list[Any], parent: int) -> bool:
    return any(event.ident == parent for event in events)
