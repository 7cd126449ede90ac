"""What an adapter is made of: `@tool` methods, in a class that may extend `BaseAdapter`."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .session_context import SessionContext

Method = TypeVar("Method", bound=Callable[..., Any])

_METADATA = "_tool_metadata"


class ToolMetadata(NamedTuple):
    """What `@tool` knows about a method."""

    description: str
    supports_streaming: bool
    required_variables: tuple[str, ...]


class StreamChunk(NamedTuple):
    """One piece of a stream whose end or metadata the tool wants to decide itself."""

    data: Any
    is_final: bool = False
    metadata: dict[str, str] = {}  # noqa: RUF012 - a default of a NamedTuple; never changed


@overload
def tool(description: Method) -> Method: ...
@overload
def tool(
    description: str | None = None,
    supports_streaming: bool = False,
    required_variables: Sequence[str] | None = None,
) -> Callable[[Method], Method]: ...
def tool(
    description: Any = None,
    supports_streaming: bool = False,
    required_variables: Sequence[str] | None = None,
) -> Any:
    """Makes a method callable from Node, under its own name. Works bare, too: `@tool`.

    The description defaults to the first line of the docstring. With `supports_streaming` the
    method is a generator, sync or async, and each value it yields is one chunk.
    """
    if callable(description):
        return tool()(description)

    def mark(method: Method) -> Method:
        text = description if description is not None else _first_line(method)
        setattr(
            method,
            _METADATA,
            ToolMetadata(text, supports_streaming, tuple(required_variables or ())),
        )
        return method

    return mark


def _first_line(method: Callable[..., Any]) -> str:
    return (inspect.getdoc(method) or "").partition("\n")[0]


def discover_tools(adapter_class: type) -> dict[str, ToolMetadata]:
    """The tools of a class and its bases, by name, in alphabetical order."""
    found = {}
    for name in dir(adapter_class):
        # Statically: a lazy attribute of the class must not begin to load because somebody looks.
        raw = inspect.getattr_static(adapter_class, name, None)
        function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw
        metadata = inspect.getattr_static(function, _METADATA, None)
        if isinstance(metadata, ToolMetadata):
            found[name] = metadata
    return found


class BaseAdapter:
    """Optional base of adapters: gives tools their session.

    Every call gets a new instance: what must outlive a call belongs to the module or the class.
    `initialize` runs before the tool and `cleanup` always after it; both may be `async`.
    """

    _session_context: SessionContext | None = None

    def set_session_context(self, session_context: SessionContext) -> None:
        """Called before `initialize`, with the session of this call."""
        self._session_context = session_context

    @property
    def session_context(self) -> SessionContext:
        """The session of the call in progress.

        Raises RuntimeError outside a call.
        """
        if self._session_context is None:
            raise RuntimeError("an adapter has a session only while a worker runs one of its tools")
        return self._session_context

    def initialize(self) -> Any:
        """Prepares the instance for one call. Does nothing unless overridden."""

    def cleanup(self) -> Any:
        """Releases what `initialize` and the tool took. Does nothing unless overridden."""
