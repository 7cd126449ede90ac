"""What an exception carries beside its text: arguments, notes, what it came from, and the exceptions of a
group. Everything is bounded, because a response is, and because exceptions hold what they complain of."""

from __future__ import annotations

import json
from typing import Any

from .adapter_loader import describe_error, format_traceback
from .invocation import ToolRaised

MAX_CAUSES = 10
MAX_EXCEPTIONS = 20
MAX_GROUP_DEPTH = 4
MAX_ITEMS = 20
MAX_ITEM_CHARS = 2000
MAX_TRACEBACK_CHARS = 8000


def describe_parts(error: BaseException) -> dict[str, object]:
    """`args`, and `notes`, `causes` and `exceptions` where there are any."""
    room = _Room()
    parts: dict[str, object] = {**_details(error), **_children(error, 0, room)}
    causes = _causes(error, room)
    return {**parts, "causes": causes} if causes else parts


def unwrap_context(error: BaseException) -> None:
    """Takes our own wrapper from between an exception and the one during whose handling it was raised."""
    if isinstance(error.__context__, ToolRaised):
        error.__context__ = error.__context__.error


class _Room:
    """How many exceptions of groups may still be told of."""

    def __init__(self) -> None:
        self.left = MAX_EXCEPTIONS

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


def _causes(error: BaseException, room: _Room) -> list[dict[str, object]]:
    """The chain, nearest first. An exception may be its own cause, by way of others."""
    causes: list[dict[str, object]] = []
    seen = {id(error)}
    while len(causes) < MAX_CAUSES:
        unwrap_context(error)
        relation = "cause" if error.__cause__ is not None else "context"
        origin = error.__cause__
        if origin is None and not error.__suppress_context__:
            origin = error.__context__
        if origin is None or id(origin) in seen:
            break
        seen.add(id(origin))
        error = origin
        causes.append({**_describe(error), **_children(error, 0, room), "relation": relation})
    return causes


def _children(error: BaseException, depth: int, room: _Room) -> dict[str, object]:
    """The exceptions of a group; also of the kind that Python 3.9 and 3.10 have from a package."""
    children = _attribute(error, "exceptions")
    if not isinstance(children, (tuple, list)) or depth >= MAX_GROUP_DEPTH:
        return {}
    found = [
        {**_describe(child), **_children(child, depth + 1, room)}
        for child in children
        if isinstance(child, BaseException) and room.take()
    ]
    return {"exceptions": found} if found else {}


def _describe(error: BaseException) -> dict[str, object]:
    kind = type(error)
    return {
        "type": kind.__name__,
        "module": kind.__module__,
        "message": describe_error(error)[:MAX_ITEM_CHARS],
        "traceback": format_traceback(error, chain=False)[-MAX_TRACEBACK_CHARS:],
        **_details(error),
    }


def _details(error: BaseException) -> dict[str, object]:
    given: Any = error.args
    details: dict[str, object] = {"args": [_encode(item) for item in given[:MAX_ITEMS]]}
    notes = _attribute(error, "__notes__")
    if isinstance(notes, (list, tuple)) and notes:
        texts = [note for note in notes if isinstance(note, str)]
        details["notes"] = [text[:MAX_ITEM_CHARS] for text in texts[:MAX_ITEMS]]
    return details


def _encode(value: object) -> object:
    """A value as JSON has it, else what its `repr` says."""
    if isinstance(value, str):
        return value[:MAX_ITEM_CHARS]
    try:
        text = json.dumps(value, allow_nan=False)
        return json.loads(text) if len(text) <= MAX_ITEM_CHARS else text[:MAX_ITEM_CHARS]
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return repr(value)[:MAX_ITEM_CHARS]
    except Exception as error:  # noqa: BLE001 - foreign code; its failure is the text
        return f"<repr() of {type(value).__name__} raised {type(error).__name__}>"


def _attribute(error: BaseException, name: str) -> object:
    try:
        return getattr(error, name, None)
    except Exception:  # noqa: BLE001 - foreign code; what cannot be asked has none
        return None
