"""What an adapter is made of whose tools run at the same time in one process: the thread profile."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from .base_adapter import BaseAdapter

if TYPE_CHECKING:
    from collections.abc import Iterator

Method = TypeVar("Method", bound=Callable[..., Any])

_SAFE = "__thread_safe__"


def thread_safe_method(method: Method) -> Method:
    """Says that a tool may run in several threads at once; `threadSafetyCheck` then lets it pass."""
    setattr(method, _SAFE, True)
    return method


def is_thread_safe(value: object) -> bool:
    """Whether an adapter or one of its methods says so of itself."""
    return getattr(value, _SAFE, False) is True


class RequestTracker:
    """Counts the calls of one adapter class. The event loop counts, every thread may read."""

    def __init__(self) -> None:
        self.total = 0
        """Calls that began, since the worker's start."""
        self._active: dict[str, int] = {}

    @property
    def active(self) -> int:
        """Calls that are running."""
        return sum(self.by_tool.values())

    @property
    def by_tool(self) -> dict[str, int]:
        """Calls that are running, by tool; a copy."""
        return self._active.copy()

    def begin(self, tool_name: str) -> None:
        """For the worker: a call begins."""
        self.total += 1
        self._active[tool_name] = self._active.get(tool_name, 0) + 1

    def end(self, tool_name: str) -> None:
        """For the worker: a call is over."""
        left = self._active.get(tool_name, 0) - 1
        if left > 0:
            self._active[tool_name] = left
        else:
            self._active.pop(tool_name, None)


class ThreadSafeAdapter(BaseAdapter):
    """Base of adapters whose calls may run at the same time.

    Every call has an instance of its own, so `self` is never shared. What is shared belongs to the
    class or the module; guard it with `acquire_lock()`, or keep one for each thread with
    `get_thread_local` and `set_thread_local`. All of that is per class: a subclass has its own.
    """

    __thread_safe__ = True

    lock: threading.RLock
    """Shared by all calls of the class; a thread may take it again."""
    request_tracker: RequestTracker
    """How many calls there are."""
    _thread_local: threading.local

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        _prepare(cls)

    @contextmanager
    def acquire_lock(self) -> Iterator[None]:
        """Holds `lock` while the context lasts."""
        with self.lock:
            yield

    def get_thread_local(self, key: str, default: Any = None) -> Any:
        """What this thread has kept under a key, for any call."""
        return self._thread_local.__dict__.get(key, default)

    def set_thread_local(self, key: str, value: Any) -> None:
        """Keeps a value for later calls in this thread, such as a connection."""
        self._thread_local.__dict__[key] = value

    def clear_thread_local(self, key: str | None = None) -> None:
        """Forgets what this thread has kept under a key, or all of it."""
        if key is None:
            self._thread_local.__dict__.clear()
        else:
            self._thread_local.__dict__.pop(key, None)


def _prepare(cls: type[ThreadSafeAdapter]) -> None:
    cls.lock = threading.RLock()
    cls.request_tracker = RequestTracker()
    cls._thread_local = threading.local()


_prepare(ThreadSafeAdapter)
