"""Reads calls that share a frame: one JSON array, flat, with so many fields for each call."""

from __future__ import annotations

import re
from json.decoder import WHITESPACE  # type: ignore[attr-defined]
from typing import Any, Union

from .frame_reader import MalformedError
from .serialization import decode_value
from .value_decoding import load, scan
from .value_markers import MARKER

# Number, tool, session, milliseconds, metadata, and arguments, or why those cannot be read.
JoinedCall = tuple[int, str, str, int, Union[dict[str, str], None], Any]

_FIELDS = 6
# As in the frames that these stand for.
_MAX_INT = 2**32 - 1
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)


def read_calls(data: bytes) -> list[JoinedCall]:
    """The calls of a frame, in order. Instead of arguments that make no sense there is a ValueError: that
    call fails, and no other. Raises MalformedError for all else that is not as agreed."""
    try:
        text = str(data, "utf-8")
        fields = _read_fields(text)
    except ValueError as error:
        raise MalformedError(f"joined calls that are no JSON: {error}") from error
    if type(fields) is not list or len(fields) % _FIELDS:
        raise MalformedError(f"joined calls that are no array of {_FIELDS} fields each")
    field = iter(fields)
    calls: list[JoinedCall] = list(zip(field, field, field, field, field, field))
    for number, tool, session, timeout_ms, metadata, _ in calls:
        if (
            type(number) is not int
            or not 0 < number <= _MAX_INT
            or type(tool) is not str
            or type(session) is not str
            or type(timeout_ms) is not int
            or not 0 <= timeout_ms <= _MAX_INT
            or not (metadata is None or _is_metadata(metadata))
        ):
            raise MalformedError("a joined call whose fields are of other types")
    return calls


def _is_metadata(value: object) -> bool:
    return type(value) is dict and all(type(item) is str for item in value.values())


def _read_fields(text: str) -> Any:
    if MARKER not in text:
        try:
            return load(text)
        except ValueError:
            pass  # one call's arguments, perhaps
    return _read_one_by_one(text)


def _read_one_by_one(text: str) -> list[Any]:
    """The same where it matters which call a part of the text belongs to. Raises ValueError."""
    fields: list[Any] = []
    at = _pass_over("[", text, 0)
    if text.startswith("]", at):
        _expect_end(text, at)
        return fields
    while True:
        is_last = len(fields) % _FIELDS == _FIELDS - 1
        value, at = _read_arguments(text, at) if is_last else _read_plain(text, at)
        fields.append(value)
        at = WHITESPACE.match(text, at).end()
        if text.startswith("]", at):
            _expect_end(text, at)
            return fields
        at = _pass_over(",", text, at)


def _read_plain(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = scan(text, at)
    except (StopIteration, RecursionError):
        raise ValueError(f"no value at {at}") from None
    return value, end


def _read_arguments(text: str, at: int) -> tuple[Any, int]:
    """Arguments, or why there are none, and where they end."""
    try:
        value, end = _read_plain(text, at)
        if text.find(MARKER, at, end) < 0:
            return value, end
    except ValueError:
        end = _find_end(text, at)
    try:
        return decode_value(text[at:end].encode("utf-8")), end
    except ValueError as error:
        return error, end


def _find_end(text: str, at: int) -> int:
    """Where an object ends, whatever is in it. Raises ValueError for one that does not end."""
    depth = 0
    if not text.startswith("{", at):
        raise ValueError(f"no object at {at}")
    for token in _TOKEN.finditer(text, at):
        found = token.group()
        if found == "{" or found == "[":
            depth += 1
        elif found == '"':
            break  # a text without end
        elif found == "}" or found == "]":
            depth -= 1
            if not depth:
                return token.end()
    raise ValueError(f"an object without end at {at}")


def _pass_over(sign: str, text: str, at: int) -> int:
    at = WHITESPACE.match(text, at).end()
    if not text.startswith(sign, at):
        raise ValueError(f"no {sign!r} at {at}")
    end: int = WHITESPACE.match(text, at + 1).end()
    return end


def _expect_end(text: str, at: int) -> None:
    if WHITESPACE.match(text, at + 1).end() != len(text):
        raise ValueError(f"something after the end at {at}")
