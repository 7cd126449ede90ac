"""How failures travel: the JSON a caller receives when a tool raised or was called wrongly."""

from __future__ import annotations

import difflib
import json
import traceback
from typing import TYPE_CHECKING

from .adapter_loader import describe_error, format_traceback, skip_own_frames
from .exception_parts import describe_parts, unwrap_context

if TYPE_CHECKING:
    from collections.abc import Collection

    from .tool_specs import Tool

# gRPC peers refuse trailers above 8 KiB by default, and percent-encoding lengthens them.
MAX_DETAILS_CHARS = 4000
# An exception may carry the data it complains of; a response has a limit, too.
MAX_TEXT_CHARS = 64 * 1024
_MAX_NAMES = 50


def describe_exception(error: BaseException, tool_name: str, session_id: str) -> str:
    """What a tool raised, as the JSON of `error_message`."""
    return json.dumps(_exception_fields(error, tool_name, session_id))


def describe_exception_briefly(error: BaseException, tool_name: str, session_id: str) -> str:
    """The same for a stream's status details, shortened until it fits: what belongs to other
    exceptions goes first, then the oldest frames."""
    fields = _exception_fields(error, tool_name, session_id)
    text = json.dumps(fields)
    for key in ("stacktrace", "exceptions", "causes", "args", "notes"):
        if len(text) > MAX_DETAILS_CHARS and key in fields:
            fields[key] = []
            text = json.dumps(fields)
    if len(text) > MAX_DETAILS_CHARS:
        fields["message"] = str(fields["message"])[: MAX_DETAILS_CHARS // 8]
        text = json.dumps(fields)
    for key in ("traceback", "message"):
        excess = len(text) - MAX_DETAILS_CHARS
        if excess > 0:
            fields[key] = str(fields[key])[excess:]
            text = json.dumps(fields)
    return text


def _exception_fields(error: BaseException, tool_name: str, session_id: str) -> dict[str, object]:
    unwrap_context(error)
    kind = type(error)
    return {
        "type": kind.__name__,
        "module": kind.__module__,
        "message": _cut(describe_error(error)),
        "stacktrace": _format_frames(error),
        "traceback": _cut(format_traceback(error)),
        "context": {"tool_name": tool_name, "session_id": session_id},
        **describe_parts(error),
    }


def _format_frames(error: BaseException) -> list[str]:
    return [
        _cut(line)
        for line in traceback.format_tb(skip_own_frames(error.__traceback__), -_MAX_NAMES)
    ]


def _cut(text: str) -> str:
    """A text of any length, without its middle: what is wrong stands at one of the ends."""
    half = MAX_TEXT_CHARS // 2
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:half]} ... {text[-half:]}"


def describe_unknown_tool(name: str, available: Collection[str]) -> str:
    """Details of NOT_FOUND."""
    close = difflib.get_close_matches(name, available, n=1)
    suggestion = close[0] if close else None
    hint = f'; did you mean "{suggestion}"?' if suggestion else ""
    return _details(
        "TOOL_NOT_FOUND",
        f'this adapter has no tool "{name[:200]}"{hint}',
        name,
        available=sorted(available)[:_MAX_NAMES],
        suggestion=suggestion,
    )


def describe_bad_arguments(tool: Tool, problem: str) -> str:
    """Details of INVALID_ARGUMENT."""
    parameters = [
        {"name": item.name, "type": item.type[:100], "required": item.required}
        for item in tool.parameters()[:_MAX_NAMES]
    ]
    shown = ", ".join(
        f"{item['name']}: {item['type']}{'' if item['required'] else ' (optional)'}"
        for item in parameters
    )
    return _details(
        "INVALID_ARGUMENT",
        f'arguments do not fit the tool "{tool.name}": {problem}. It takes: {shown or "nothing"}'[
            :1500
        ],
        tool.name,
        parameters=parameters,
    )


def describe_malformed_argument(tool_name: str, parameter: str, problem: str) -> str:
    """Details of INVALID_ARGUMENT for a value that makes no sense."""
    return _details(
        "INVALID_ARGUMENT",
        f'parameter "{parameter[:200]}" of "{tool_name[:200]}" cannot be read: {problem}',
        tool_name,
        parameters=[],
    )


def describe_malformed_arguments(tool_name: str, problem: str) -> str:
    """Details of INVALID_ARGUMENT for arguments that are no JSON object."""
    text = f'the arguments of "{tool_name[:200]}" cannot be read: {problem[:1000]}'
    return _details("INVALID_ARGUMENT", text, tool_name, parameters=[])


def _details(code: str, message: str, tool: str, **more: object) -> str:
    fields: dict[str, object] = {"code": code, "message": message, "tool": tool[:200], **more}
    text = json.dumps(fields)
    while len(text) > MAX_DETAILS_CHARS:
        longest = max((key for key, value in fields.items() if isinstance(value, list)), default="")
        names = fields.get(longest)
        if not isinstance(names, list) or not names:
            fields["message"] = str(fields["message"])[: MAX_DETAILS_CHARS // 4]
            return json.dumps(fields)
        fields[longest] = names[: len(names) // 2]
        text = json.dumps(fields)
    return text
