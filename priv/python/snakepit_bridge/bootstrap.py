"""The first moments of a process that a runtime starts, before any other import.

First comes what guarantees that this process and its children never outlive the runtime; only then
code that may hang, hold the interpreter's lock, or ignore every signal.
"""

from __future__ import annotations

import os
import sys

from . import exit_codes, layers, lifeline
from .process_group import die_with_group, take_group_along_at_exit

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from typing import NoReturn

_OLDEST_PYTHON = (3, 9)


def take_number(name: str) -> int | None:
    """Reads a variable and removes it: children must not take our descriptors for theirs."""
    text = os.environ.pop(name, "")
    return int(text) if text.isdigit() else None


def fail_early(beat_fd: int, message: str, status: int, code: str = "ENVIRONMENT") -> NoReturn:
    """Says why and ends, where not even json may be imported yet. `message` is plain ASCII."""
    text = message.replace("\\", "/").replace('"', "'")
    line = f'{{"type":"failed","code":"{code}","message":"{text}","traceback":null}}\n'
    try:
        os.write(beat_fd, line.encode("ascii", "replace"))
        os.write(2, f"snakepit: {message}\n".encode("ascii", "replace"))
    except OSError:
        pass  # nobody listens; the status says it
    die_with_group(status)


def read_layers(beat_fd: int) -> frozenset[str]:
    """The safety layers that are switched off. Does not return when one has a name that is none's."""
    try:
        return layers.read_switched_off()
    except ValueError as error:
        fail_early(beat_fd, str(error), exit_codes.MISCONFIGURED)


def secure(beat_fd: int, told_parent: int | None, without: frozenset[str]) -> bool:
    """Against the death of the runtime. Returns whether the kernel's layer is armed."""
    lifeline_fd = take_number("SNAKEPIT_LIFELINE_FD")
    if layers.LIFELINE in without:
        lifeline_fd = None
    if not lifeline.leads_own_group():
        fail_early(
            beat_fd,
            f"the worker does not lead its own process group: is {sys.executable} started through a wrapper? "
            "Name the interpreter itself in the pool's python option",
            exit_codes.MISCONFIGURED,
        )
    take_group_along_at_exit()
    armed = lifeline.arm(lifeline_fd) if lifeline_fd is not None else False
    if layers.OPINION not in without and _is_adopted(told_parent):
        die_with_group(exit_codes.OK)
    if sys.version_info < _OLDEST_PYTHON:
        fail_early(
            beat_fd,
            f"Python {sys.version.split()[0]} ({sys.executable}) is too old; snakepit needs 3.9 or newer",
            exit_codes.UNAVAILABLE,
        )
    return armed


def _is_adopted(told_parent: int | None) -> bool:
    """Whether the runtime died before we looked, and somebody else is our parent now.

    0 is a parent outside our pid namespace. On Windows a parent's number stays for ever, and the
    interpreter of a virtual environment stands between us and the runtime.
    """
    return bool(told_parent) and os.name == "posix" and os.getppid() not in (told_parent, 0)


def parent_to_watch(told_parent: int | None) -> int:
    """The runtime's number as the system knows it here; 0 when it cannot be seen from here.

    The number we were told, not that of our parent by now: the runtime may have died in between.
    """
    if os.name == "posix" and (not told_parent or os.getppid() == 0):
        return os.getppid()
    return told_parent or 0
