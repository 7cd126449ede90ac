"""What SIGTERM does: one graceful stop with a deadline that nothing in this process can miss."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from . import exit_codes
from .process_group import die_with_group

if TYPE_CHECKING:
    from collections.abc import Callable

FORCE_AFTER_SECONDS = 2.8


class Termination:
    """Turns SIGTERM into one call of the stop function, and ends the process if that overruns.

    The handler only writes a byte; a thread reads it. The interpreter's wake-up descriptor writes
    the same byte even while the main thread is inside C code, where handlers have to wait.
    """

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()
        self._stop: Callable[[], None] | None = None

    def install(self) -> None:
        """Takes SIGTERM and SIGINT over; call it in the main thread, once."""
        os.set_blocking(self._write_end, False)
        signal.signal(signal.SIGTERM, self._note)
        # The runtime forwards what its terminal sends. Not SIG_IGN: children would inherit that.
        signal.signal(signal.SIGINT, lambda _signum, _frame: None)
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._uninstall_in_child)
        threading.Thread(target=self._wait, name="snakepit-termination", daemon=True).start()

    def on_request(self, stop: Callable[[], None]) -> None:
        """From now on SIGTERM calls `stop`, in a foreign thread. Before, it ends the process at
        once: nothing is in flight yet."""
        self._stop = stop

    def _note(self, signum: int, _frame: object) -> None:
        # A full pipe holds earlier requests.
        with contextlib.suppress(BlockingIOError):
            os.write(self._write_end, bytes([signum]))

    def _uninstall_in_child(self) -> None:
        """A fork's SIGTERM is its own: it must not arrive at us through the shared pipe."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._read_end)
        os.close(self._write_end)

    def _wait(self) -> None:
        while signal.SIGTERM not in os.read(self._read_end, 64):
            continue
        stop = self._stop
        if stop is None:
            die_with_group(exit_codes.OK)
        deadline = time.monotonic() + FORCE_AFTER_SECONDS
        # A loop that is closed already: the process is on its way out.
        with contextlib.suppress(RuntimeError):
            stop()
        while (left := deadline - time.monotonic()) > 0:
            time.sleep(left)
        die_with_group(exit_codes.FORCED)
