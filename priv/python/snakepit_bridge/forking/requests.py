"""What the runtime asks of a fork server, and what connections say they are for."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

STDOUT, STDERR, BEATS, LIFELINE, CALLS = "stdout", "stderr", "beats", "lifeline", "calls"
ROLES = (STDOUT, STDERR, BEATS, LIFELINE, CALLS)
_NEEDED = frozenset(ROLES) - {CALLS}
_MAX_LAUNCH = 2**53  # what JavaScript counts exactly


class RequestError(Exception):
    """A request that cannot be fulfilled because of what it says."""


class ForkRequest(NamedTuple):
    """One worker that is wanted."""

    launch: int
    channels: frozenset[str]
    """Roles of the connections that it gets."""
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str | None]
    """What is different from the server's environment; None for what is not there."""


class ChannelHeader(NamedTuple):
    """What a connection is for: one role of one launch."""

    launch: int
    role: str


def read_message(line: bytes) -> dict[str, Any]:
    """One message. Raises ValueError when it is none."""
    try:
        message = json.loads(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise ValueError("it has no type")
    return message


def read_launch(message: dict[str, Any]) -> int:
    """The launch that a message is about. Raises ValueError."""
    launch = message.get("launch")
    if type(launch) is not int or not 0 <= launch <= _MAX_LAUNCH:
        raise ValueError("its launch is no number")
    return launch


def read_fork(message: dict[str, Any]) -> ForkRequest:
    """Raises ValueError when it names no launch, and RequestError for all else that is wrong."""
    launch = read_launch(message)
    channels = _texts(message, "channels")
    if not _NEEDED <= set(channels) <= set(ROLES):
        known = ", ".join(ROLES)
        raise RequestError(f"channels must be {known}, of which only the last may be missing")
    argv, cwd, env = _texts(message, "argv"), message.get("cwd"), message.get("env")
    if not _is_text(cwd) or not cwd:
        raise RequestError("cwd must be a non-empty string")
    if not isinstance(env, dict) or not all(map(_is_entry, env.items())):
        raise RequestError("env must be an object of strings and nulls")
    return ForkRequest(launch, frozenset(channels), tuple(argv), str(cwd), env)


def _texts(message: dict[str, Any], key: str) -> list[str]:
    value = message.get(key)
    if not isinstance(value, list) or not all(map(_is_text, value)):
        raise RequestError(f"{key} must be a list of strings")
    return value


def _is_text(value: Any) -> bool:
    """Whether the system can be given it."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True


def _is_entry(entry: tuple[str, Any]) -> bool:
    name, value = entry
    return _is_text(name) and bool(name) and "=" not in name and (value is None or _is_text(value))


def read_role(words: list[bytes]) -> ChannelHeader | None:
    """What `<launch> <role>` names; None when it is no such thing."""
    if len(words) != 2 or not words[0].isdigit() or len(words[0]) > 16:
        return None
    launch, role = int(words[0]), words[1].decode("ascii", "replace")
    return ChannelHeader(launch, role) if launch <= _MAX_LAUNCH and role in ROLES else None
