"""The errors of Node functions, as exceptions."""

from __future__ import annotations

import json
from typing import Any

_MAX_CAUSES = 16


class BridgeUnavailableError(RuntimeError):
    """Node functions cannot be called: this worker has no bridge, or nobody answers there."""


class NodeToolError(RuntimeError):
    """The Node function failed. Its text is the message of the error in Node.

    What caused it in Node is its `__cause__`, a NodeToolError too; both print their JavaScript
    stack with their traceback.
    """

    def __init__(
        self,
        message: str,
        *,
        class_name: str = "Error",
        code: str | None = None,
        stack: str = "",
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.class_name = class_name
        """Name of the class in JavaScript, such as `RangeError`."""
        self.code = code
        """The error's `code`, such as `TIMEOUT` or `ENOENT`; None when it has none."""
        self.stack = stack
        """The JavaScript stack; for an exception of another Python tool its traceback, too."""
        self.details = details or {}
        """The `details` of a SnakepitError."""
        if stack and hasattr(self, "add_note"):  # Python 3.11
            self.add_note(f"JavaScript stack:\n{stack}")

    @property
    def cause(self) -> NodeToolError | None:
        """What caused it in Node."""
        return self.__cause__ if isinstance(self.__cause__, NodeToolError) else None


class NodeCallCancelledError(NodeToolError):
    """The call of Node was given up, because the caller of this tool has given up."""

    def __init__(self, name: str) -> None:
        message = f"the call of {name!r} was given up: nobody waits for this tool any more"
        super().__init__(message, class_name="AbortError", code="CANCELLED")


class NodeCallTimeoutError(NodeToolError):
    """The Node function did not answer in time."""

    def __init__(self, name: str, seconds: float | None) -> None:
        limit = "its time" if seconds is None else f"{seconds:.3f} s"
        message = f"the Node function {name!r} did not answer within {limit}"
        super().__init__(message, class_name="TimeoutError", code="TIMEOUT")


def read_failure(message: str, report: str | None) -> NodeToolError:
    """The exception for an answer that is a failure: from the report of our runtime, or from the
    message alone, which is all that others send."""
    if report is not None:
        try:
            fields = json.loads(report)
        except ValueError:
            fields = None
        if isinstance(fields, dict):
            return _make(fields, message, _MAX_CAUSES)
    return NodeToolError(message)


def _make(fields: dict[str, Any], message: str, causes: int) -> NodeToolError:
    details = fields.get("details")
    error = NodeToolError(
        message,
        class_name=_text(fields.get("name")) or "Error",
        code=_text(fields.get("code")),
        stack=_text(fields.get("stack")) or "",
        details=details if isinstance(details, dict) else None,
    )
    cause = fields.get("cause")
    if isinstance(cause, dict) and causes > 0:
        text = f"{_text(cause.get('name')) or 'Error'}: {_text(cause.get('message')) or ''}"
        error.__cause__ = _make(cause, text, causes - 1)
    return error


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
