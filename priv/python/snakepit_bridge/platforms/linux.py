"""Linux: the kernel sends a signal when the parent dies, and kills workers first when memory is short."""

from __future__ import annotations

import os
import select
import time
from functools import cache
from typing import TYPE_CHECKING

from snakepit_bridge import exit_codes
from snakepit_bridge.process_group import die_with_group

from . import posix

if TYPE_CHECKING:
    from collections.abc import Callable

    Prctl = Callable[[int, int], int]

# SIGSTKFLT, which neither the kernel nor any library we know of sends or handles. SIGTERM would end
# the worker alone as soon as a library gives it back its default, and with the worker the lifeline's
# hold on the children. A real-time signal is queued for each dying thread of the parent: another
# thread than the main one may then take them all, and only the main one runs Python's handler.
DEATH_SIGNAL = 16

_PR_SET_PDEATHSIG = 1
# A worker counts as if it used 30 % more of the memory, so that the runtime is spared.
_OOM_SCORE = 300
_MOST_OOM_SCORE = 1000
_OOM_SCORE_FILE = "/proc/self/oom_score_adj"
# The parent's threads die one by one, and we are handed from one to the next before it is over.
_ADOPTION_SECONDS = 0.1
_ADOPTION_POLL_SECONDS = 0.005


def take_precautions(oom_score_file: str = _OOM_SCORE_FILE) -> None:
    """Offers this worker to the kernel before its runtime when memory runs out. Anybody may raise
    the own score; children inherit it."""
    with open(oom_score_file, "r+b", buffering=0) as file:
        score = min(int(file.read()) + _OOM_SCORE, _MOST_OOM_SCORE)
        file.seek(0)
        file.write(b"%d" % score)


def is_loaded() -> bool:
    """Whether the function of the C library is there."""
    return _make_prctl.cache_info().currsize > 0


def load() -> None:
    """Imports ctypes, which costs several milliseconds."""
    _make_prctl()


def arm(parent: int, prctl: Prctl | None = None) -> None:
    """Asks for DEATH_SIGNAL at the death of `parent`.

    Never SIGKILL: that would arrive before the end of the lifeline, take this process alone, and
    with it the arming of the lifeline, so that all children would be left.

    The kernel means the *thread* that started us, and the thread here that asks: so in the main one.
    """
    set_option = prctl or _make_prctl()
    if set_option(_PR_SET_PDEATHSIG, DEATH_SIGNAL) != 0:
        raise OSError("the kernel refuses PR_SET_PDEATHSIG")
    # Dead before we asked: no signal will ever come.
    if os.getppid() != parent:
        die_with_group(exit_codes.OK)


@cache  # for workers that are forked: their server has made it
def _make_prctl() -> Prctl:
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    prctl.restype = ctypes.c_int

    def set_option(option: int, value: int) -> int:
        result: int = prctl(option, value, 0, 0, 0)
        return result

    return set_option


def wait_for_end(parent: int) -> None:
    """Sleeps on a descriptor of the process, where the kernel has them, which tells at once; asks
    twice a second otherwise, and whenever that descriptor turns out to be somebody else's."""
    try:
        fd = os.pidfd_open(parent)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # before Python 3.9, Linux 5.3, or not allowed
        posix.wait_for_end(parent)
        return
    _sleep_on(fd, parent)
    # Not closed: should a library have done that already, the number is somebody else's now.
    posix.wait_for_end(parent)


def _sleep_on(fd: int, parent: int) -> None:
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    # With a limit: the same library that closed the beat channel may close this one.
    while os.getppid() == parent:
        if poller.poll(posix.POLL_SECONDS * 1000):
            _wait_for_adoption(parent)
            return


def _wait_for_adoption(parent: int) -> None:
    deadline = time.monotonic() + _ADOPTION_SECONDS
    while os.getppid() == parent and time.monotonic() < deadline:
        time.sleep(_ADOPTION_POLL_SECONDS)
