"""What Python has no function for, and what all of the launcher waits with."""

from __future__ import annotations

import ctypes
import os
import select

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """Calls a function of the C library. Raises OSError named after it."""
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def make_poller(*fds: int) -> select.poll:
    """Waits for the other end to close; nothing else is asked."""
    poller = select.poll()
    for fd in fds:
        poller.register(fd, 0)
    return poller


def drain(wakeup: int) -> bytes:
    """The numbers of the signals that came."""
    try:
        return os.read(wakeup, 4096)
    except BlockingIOError:
        return b""
