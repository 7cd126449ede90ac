"""Stdout belongs to the adapter; the runtime logs what it prints. When nobody reads any more, the
runtime is gone."""

from __future__ import annotations

import io
import sys

from . import exit_codes
from .process_group import die_with_group


class _GuardedPipe(io.FileIO):
    """Unbuffered stdout whose breaking ends the worker and its group with status 0."""

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        done = 0
        try:
            # A raw write may take only a part, and the text layer above would lose the rest.
            while done < len(view):
                done += super().write(view[done:]) or 0
        except BrokenPipeError:
            die_with_group(exit_codes.OK)
        return done


def guard_stdout() -> None:
    """Replaces `sys.stdout` by an equal one that notices a broken pipe."""
    old = sys.stdout
    if old is None:  # started without one
        return
    old.flush()
    sys.stdout = io.TextIOWrapper(
        _GuardedPipe(1, "w", closefd=False),
        encoding=old.encoding,
        errors=old.errors,
        newline=None,
        write_through=True,
    )
    # Some libraries write there; left in its buffer, it would fail at exit, which is status 120.
    sys.__stdout__ = sys.stdout  # type: ignore[misc]
