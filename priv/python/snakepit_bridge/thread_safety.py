"""`threadSafetyCheck`: finds what is risky when several calls run in one process at once.

It looks at what the adapter imports, and at tools that really overlap. A finding is a line of the
worker's output, once; in strict mode it is an error.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from .adapter_loader import AdapterError
from .base_adapter_threaded import is_thread_safe
from .notices import notice
from .thread_modes import STRICT

if TYPE_CHECKING:
    from collections.abc import Callable

KNOWN_UNSAFE = {
    "pandas": "copies and views of one DataFrame in several threads corrupt each other",
    "matplotlib": "pyplot keeps one current figure for all threads",
    "sqlite3": "a connection belongs to the thread that made it",
    "tkinter": "its objects belong to the thread of the main loop",
    "cv2.dnn": "a network must not run in two threads at once",
}


class ThreadSafetyError(RuntimeError):
    """Strict mode: a tool that does not say that it may was about to run in two threads at once."""


def check_imports(before: set[str], mode: str, adapter_path: str) -> None:
    """Looks at the modules that came with an adapter. Raises AdapterError in strict mode."""
    for name, why in KNOWN_UNSAFE.items():
        if name not in sys.modules or name in before:
            continue
        text = (
            f"adapter {adapter_path!r} imports {name}, which is not thread-safe: {why}. "
            "Guard it with a lock, or mark the tools that use it with @tool(thread_sensitive=True)"
        )
        if mode == STRICT:
            raise AdapterError("ADAPTER_NOT_THREAD_SAFE", text)
        notice(f"thread safety: {text}")


class ThreadSafetyMonitor:
    """Watches which tools overlap. Any thread."""

    def __init__(self, mode: str, is_marked: Callable[[str], bool]) -> None:
        self._is_strict = mode == STRICT
        self._is_marked = is_marked
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}
        self._told: set[str] = set()

    def enter(self, tool_name: str) -> None:
        """A tool begins in this thread. Raises ThreadSafetyError in strict mode."""
        if self._is_marked(tool_name):
            return
        with self._lock:
            others = self._running.get(tool_name, 0)
            if others and self._is_strict:
                raise ThreadSafetyError(_describe(tool_name, others + 1))
            self._running[tool_name] = others + 1
            is_news = bool(others) and tool_name not in self._told
            if is_news:
                self._told.add(tool_name)
        if is_news:
            notice(f"thread safety: {_describe(tool_name, others + 1)}")

    def leave(self, tool_name: str) -> None:
        """The tool that began in this thread has ended."""
        with self._lock:
            left = self._running.get(tool_name, 0) - 1
            if left > 0:
                self._running[tool_name] = left
            else:
                self._running.pop(tool_name, None)


def mark_reader(cls: type) -> Callable[[str], bool]:
    """Whether a tool of the class was declared to be safe, by `@thread_safe_method`."""
    return lambda name: is_thread_safe(getattr(cls, name, None))


def _describe(tool_name: str, count: int) -> str:
    return (
        f"tool {tool_name!r} runs in {count} threads at once. If its calls share nothing, or guard "
        "what they share, mark it with @thread_safe_method; if not, with @tool(thread_sensitive=True)"
    )
