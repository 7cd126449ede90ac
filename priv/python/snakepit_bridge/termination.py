"""What SIGTERM does: one graceful stop, with a deadline that Python code cannot overrun."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from . import exit_codes
from .process_group import die_with_group

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

FORCE_AFTER_SECONDS = 2.8
_ORPHAN_POLL_SECONDS = 0.01


class Termination:
    """Turns SIGTERM into one call of the stop function, and ends the process if that overruns.

    The handler only puts a token into a queue (whose put is made for signal handlers); a thread
    takes it, so neither a blocked event loop nor a thread that never returns can hold the process.
    No descriptor is involved, which a library could close.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._requests: SimpleQueue[int] = SimpleQueue()
        self._stop: Callable[[], None] | None = None
        self._parent: int | None = None
        self._death_signal: int | None = None
        self._wakeup: tuple[socket.socket, socket.socket] | None = None

    def install(self) -> None:
        """Takes SIGTERM and SIGINT over; call it in the main thread, once."""
        signal.signal(signal.SIGTERM, self._note)
        # The runtime forwards what its terminal sends. Not SIG_IGN: children would inherit that.
        signal.signal(signal.SIGINT, _leave_to_runtime)
        if hasattr(signal, "SIGBREAK"):  # Ctrl-Break, on Windows
            signal.signal(signal.SIGBREAK, _leave_to_runtime)
        if hasattr(signal, "SIGPIPE"):
            # A broken stdout is an error of the write, or seen by the beat thread: both end the
            # group, which the signal would not. Children get the default back.
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._uninstall_in_child)
        threading.Thread(target=self._wait, name="snakepit-termination", daemon=True).start()

    def request(self) -> None:
        """What SIGTERM does, for systems that cannot send it. Any thread."""
        self._requests.put(signal.SIGTERM)

    def watch_parent(self, parent: int, death_signal: int | None) -> None:
        """From now on `death_signal` tells that the process `parent` has died, which leaves nobody
        to be graceful for. In the main thread."""
        self._parent = parent
        if death_signal is not None:
            self._death_signal = death_signal
            signal.signal(death_signal, self._note)

    def wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Makes every signal wake the loop, in the main thread: Python runs handlers between
        bytecodes, and one that arrives just before the loop goes to sleep would have to wait.

        Waking is all this does: a fork shares the descriptor until its handlers are removed, and
        its signals must not count as ours.
        """
        if os.name != "posix":
            return
        receiver, sender = socket.socketpair()
        sender.setblocking(False)
        previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        if previous != -1:
            # A loop such as uvloop's sees to that itself, and without it hears of no signal at all.
            signal.set_wakeup_fd(previous, warn_on_full_buffer=False)
            sender.close()
            receiver.close()
            return
        receiver.setblocking(False)
        loop.add_reader(receiver, receiver.recv, 4096)
        self._wakeup = (receiver, sender)

    def on_request(self, stop: Callable[[], None]) -> None:
        """From now on SIGTERM calls `stop`, in a foreign thread. Before, it ends the process at
        once: nothing is in flight yet."""
        self._stop = stop

    def _note(self, signum: int, _frame: object) -> None:
        if os.getpid() != self._pid:
            # A fork that is terminated before its handlers are removed.
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)
            return
        self._requests.put(signum)

    def _uninstall_in_child(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._death_signal is not None:
            signal.signal(self._death_signal, signal.SIG_DFL)

    def _wait(self) -> None:
        self._wait_for_request()
        stop = self._stop
        if stop is None:
            die_with_group(exit_codes.OK)
        deadline = time.monotonic() + FORCE_AFTER_SECONDS
        # A loop that is closed already: the process is on its way out.
        with contextlib.suppress(RuntimeError):
            stop()
        while (left := deadline - time.monotonic()) > 0:
            if self._is_orphan():
                die_with_group(exit_codes.OK)
            time.sleep(min(left, _ORPHAN_POLL_SECONDS))
        die_with_group(exit_codes.FORCED)

    def _wait_for_request(self) -> None:
        """Returns when somebody asks for a graceful stop; ends the group when the parent is dead.

        Its threads die one by one, and we are handed from one to the next: the signal comes before
        we have another parent, once for each, and the last one may wait until the main thread runs
        Python again. So from the first one on we look. It may also mean that only the thread that
        started us has ended.
        """
        timeout = None
        while True:
            with contextlib.suppress(Empty):
                if self._requests.get(timeout=timeout) != self._death_signal:
                    return
                timeout = _ORPHAN_POLL_SECONDS
            if self._is_orphan():
                die_with_group(exit_codes.OK)

    def _is_orphan(self) -> bool:
        return self._parent is not None and os.getppid() != self._parent


def _leave_to_runtime(_signum: int, _frame: object) -> None:
    return
