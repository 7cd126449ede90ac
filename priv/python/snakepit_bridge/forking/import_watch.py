"""Finds the module whose import did what does not survive a fork.

A fork has one thread, the one that forked, and shares every descriptor with its parent; gRPC works in it
only if its parent never made an object of gRPC's.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc._channel
import grpc._server
import grpc.aio._channel
import grpc.aio._server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_START_UP = "something that Python imports when it starts"
# What `grpc.insecure_channel`, `grpc.server` and their like make.
_MAKERS: tuple[tuple[type, str], ...] = (
    (grpc._channel.Channel, "a gRPC channel"),
    (grpc._server._Server, "a gRPC server"),
    (grpc.aio._channel.Channel, "a gRPC channel"),
    (grpc.aio._server.Server, "a gRPC server"),
)
_THREADS = "threads"
_FILES = "files"
_GRPC = "grpc"
_SHOWN = 3
# A thread that has been joined is still there for a moment.
_EXIT_SECONDS = 0.05


class Finding(NamedTuple):
    """What a module did while it was imported."""

    module: str
    what: str


class ImportWatch:
    """While the context lasts, looks at this process before and after each module runs.

    The innermost module is the one that is named: those that import it did nothing but that.
    """

    def __init__(self) -> None:
        self._running: list[str] = []
        self._files: dict[str, str] = {}
        self._made: list[str] = []
        self._culprits: dict[str, str] = {}
        self._restore = contextlib.ExitStack()

    def __enter__(self) -> ImportWatch:
        self._files = _read_files()
        self._look(_START_UP)
        for cls, what in _MAKERS:
            make = getattr(cls, "__init__")  # noqa: B009 - as a plain function
            self._restore.callback(setattr, cls, "__init__", make)
            setattr(cls, "__init__", self._noting(make, what))  # noqa: B010
        finder: Any = self
        sys.meta_path.insert(0, finder)
        self._restore.callback(sys.meta_path.remove, finder)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore.close()
        self._look(self._running[-1] if self._running else _START_UP)

    def finding(self) -> Finding | None:
        """What does not survive a fork, and is still so; after the context."""
        for kind, describe in (
            (_GRPC, self._describe_grpc),
            (_THREADS, _describe_threads),
            (_FILES, self._describe_files),
        ):
            if kind in self._culprits:
                return Finding(self._culprits[kind], describe())
        return None

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the finders behind this one, whose loaders then tell when a module runs."""
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec: ModuleSpec | None = find(name, path, target)
            if spec is not None:
                self._attend(spec)
                return spec
        return None

    def _attend(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        run = getattr(loader, "exec_module", None)
        # One that is a class, as that of built-in modules, serves many modules.
        if run is None or isinstance(loader, type):
            return

        def exec_module(module: ModuleType) -> None:
            with contextlib.suppress(AttributeError):
                del loader.exec_module
            self._run(run, module, spec.name)

        with contextlib.suppress(AttributeError):  # it lets nobody attend; its importer is named
            loader.exec_module = exec_module

    def _run(self, run: Callable[[ModuleType], None], module: ModuleType, name: str) -> None:
        if self._running:
            self._look(self._running[-1])
        self._running.append(name)
        try:
            run(module)
        finally:
            self._look(name)
            self._running.pop()

    def _look(self, module: str) -> None:
        """Whatever has come since the last look is this module's; what has gone again is nobody's."""
        self._note(_THREADS, self._has_threads(), module)
        self._note(_FILES, _count_files() > len(self._files), module)
        self._note(_GRPC, bool(self._made), module)

    def _has_threads(self) -> bool:
        deadline = time.monotonic() + _EXIT_SECONDS
        while (more := _count_threads() > 1) and _THREADS not in self._culprits:
            if time.monotonic() > deadline:
                break
            time.sleep(_EXIT_SECONDS / 20)
        return more

    def _note(self, kind: str, is_there: bool, module: str) -> None:
        if is_there:
            self._culprits.setdefault(kind, module)
        else:
            self._culprits.pop(kind, None)

    def _noting(self, make: Callable[..., None], what: str) -> Callable[..., None]:
        @wraps(make)
        def make_and_note(*arguments: Any, **named: Any) -> None:
            self._made.append(what)
            make(*arguments, **named)

        return make_and_note

    def _describe_grpc(self) -> str:
        return f"made {self._made[0]}"

    def _describe_files(self) -> str:
        opened = [what for fd, what in _read_files().items() if self._files.get(fd) != what]
        shown = ", ".join(sorted(opened)[:_SHOWN]) or "a descriptor"
        more = f" and {len(opened) - _SHOWN} more" if len(opened) > _SHOWN else ""
        return f"opened {shown}{more}, and kept it open"


_DESCRIPTORS = "/dev/fd"


def _count_threads() -> int:
    """Those of libraries, too, where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def _count_files() -> int:
    return len(os.listdir(_DESCRIPTORS)) - 1  # without that of the listing


def _describe_threads() -> str:
    time.sleep(_EXIT_SECONDS)  # until only those are left that stay
    started = max(1, _count_threads() - 1)
    return "started a thread" if started == 1 else f"started {started} threads"


def _read_files() -> dict[str, str]:
    """Open descriptors, and what they stand for."""
    found = {}
    for fd in os.listdir(_DESCRIPTORS):
        try:
            found[fd] = _describe_file(os.readlink(f"{_DESCRIPTORS}/{fd}"))
        except FileNotFoundError:
            continue  # that of the listing
        except OSError:  # a system that does not tell
            found[fd] = "a descriptor"
    return found


def _describe_file(target: str) -> str:
    if "eventpoll" in target:
        return "an event loop"
    return "a socket" if target.startswith("socket:") else target
