"""Signals of a fork server: bytes on a pipe, which its loop reads."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from snakepit_bridge import exit_codes
from snakepit_bridge.notices import notice
from snakepit_bridge.platforms import load_platform
from snakepit_bridge.process_group import die_with_group

if TYPE_CHECKING:
    from collections.abc import Iterator

# The runtime's threads die one by one, and we are handed from one to the next before it is over.
_ADOPTION_SECONDS = 0.1
_ADOPTION_POLL_SECONDS = 0.005


class CaughtSignals:
    """SIGCHLD, SIGTERM, SIGINT, and what tells of the death of `parent`; in the main thread, once."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self.fd, self._sender = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._sender, False)
        signal.set_wakeup_fd(self._sender, warn_on_full_buffer=False)
        # The runtime forwards what its terminal sends, so SIGINT changes nothing.
        self._previous: dict[int, Any] = {}
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            self._catch(number)
        self._watch_parent()

    def _catch(self, number: int) -> None:
        self._previous[number] = signal.signal(number, _note)

    def _watch_parent(self) -> None:
        platform = load_platform()
        self._death_signal = platform.DEATH_SIGNAL
        if not self._parent or self._death_signal is None:
            return  # elsewhere it takes a thread; the end of the beat channel tells it there
        self._catch(self._death_signal)
        try:
            platform.load()
            platform.arm(self._parent)
        except OSError as error:
            notice(f"without the platform's word on the parent's death: {error}")

    def take(self) -> bool:
        """Reads what has come; whether this process is asked to stop. Does not return when the runtime
        is dead."""
        try:
            received = os.read(self.fd, 4096)
        except BlockingIOError:
            return False
        if self._death_signal is not None and self._death_signal in received:
            self._end_with_parent()
        return signal.SIGTERM in received

    def _end_with_parent(self) -> None:
        deadline = time.monotonic() + _ADOPTION_SECONDS
        while time.monotonic() < deadline:
            if os.getppid() != self._parent:
                die_with_group(exit_codes.OK)
            time.sleep(_ADOPTION_POLL_SECONDS)
        # Only the thread that started us has ended.

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds back what is caught: a fork must not take one that is meant for it as its server's, nor
        tell its server. All others do the same to both."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._previous)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def forget(self) -> None:
        """In a fork, while signals are held: they do what they do in any Python."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _note(_number: int, _frame: object) -> None:
    """The number has gone to the pipe."""
