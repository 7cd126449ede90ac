"""What an adapter is made of: `@tool` methods, in a class that may extend `BaseAdapter`."""

from __future__ import annotations

import contextlib
import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .session_context import SessionContext

Method = TypeVar("Method", bound=Callable[..., Any])

Value = TypeVar("Value")

_METADATA = "_tool_metadata"


class ToolMetadata(NamedTuple):
    """What `@tool` knows about a method."""

    description: str
    supports_streaming: bool
    required_variables: tuple[str, ...]
    thread_sensitive: bool = False


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
    thread_sensitive: bool = False,
) -> Callable[[Method], Method]: ...
def tool(
    description: Any = None,
    supports_streaming: bool = False,
    required_variables: Sequence[str] | None = None,
    thread_sensitive: bool = False,
) -> Any:
    """Makes a method callable from Node, under its own name. Works bare, too: `@tool`.

    The description defaults to the first line of the docstring. With `supports_streaming` the
    method is a generator, sync or async, and each value it yields is one chunk. With
    `thread_sensitive` it shares one thread with all such tools, one call after the other.
    """
    if callable(description):
        return tool()(description)

    def mark(method: Method) -> Method:
        text = description if description is not None else _first_line(method)
        setattr(
            method,
            _METADATA,
            ToolMetadata(
                text, supports_streaming, tuple(required_variables or ()), thread_sensitive
            ),
        )
        return method

    return mark


def _first_line(method: Callable[..., Any]) -> str:
    return (inspect.getdoc(method) or "").partition("\n")[0]


def once_for(cls: type, name: str, read: Callable[[type], Value]) -> Value:
    """What `read` says of a class, asked once: for forked workers, whose server has asked already.

    Kept in the class, under `name`: elsewhere it would keep the class, and all of its module, for ever. Of a class
    that takes nothing, as those written in C, it is read each time.
    """
    known: Value | None = cls.__dict__.get(name)
    if known is None:
        known = read(cls)
        with contextlib.suppress(TypeError):
            type.__setattr__(cls, name, known)
    return known


def discover_tools(adapter_class: type) -> dict[str, ToolMetadata]:
    """The tools of a class and its bases, by name, in alphabetical order."""
    found = {}
    for name in dir(adapter_class):
        if name in _PLAIN:
            continue
        # Statically: a lazy attribute of the class must not begin to load because somebody looks.
        raw = inspect.getattr_static(adapter_class, name, None)
        function = raw.__func__ if isinstance(raw, (staticmethod, classmethod)) else raw
        if type(function) is FunctionType:  # nothing of which has to be looked at in another way
            metadata = function.__dict__.get(_METADATA)
        else:
            metadata = inspect.getattr_static(function, _METADATA, None)
        if isinstance(metadata, ToolMetadata):
            found[name] = metadata
    return found


# What every class has, and nobody calls as a tool: to look at it statically takes longest.
_PLAIN = frozenset(dir(object)) | {"__dict__", "__module__", "__weakref__"}


class BaseAdapter:
    """Optional base of adapters: gives tools their session.

    Every call gets a new instance: what must outlive a call belongs to the module or the class.
    `initialize` runs before the tool and `cleanup` always after it; both may be `async`.
    """

    fork_safe: bool = False
    """Whether the module of this adapter may be imported in a process that is forked afterwards.

    With True the workers of a pool that are forked share what the import has loaded: they start at once,
    and use its memory together. It must be so that importing starts no thread, opens no file or connection
    that is kept, and makes no gRPC channel, server or event loop; random numbers that are drawn while it is
    imported are the same in all workers. Whoever declares it and does one of these is refused, by name.
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

    def register_with_session(self, session_id: str, stub: object = None) -> list[str]:
        """Tells the runtime that the tools of this adapter belong to a session, so that tools of
        other pools can call them by name there; returns their names.

        Not needed for calls from Node, which find tools in their pool. `stub` is the original's, and
        not used. Raises NodeToolError when the runtime refuses them; not for `async` tools.
        """
        from .tool_specs import read_tools, to_registration

        tools = read_tools(type(self))
        registrations = [to_registration(tool) for tool in tools.values()]
        context = self.session_context
        bridge = context.require_bridge("RegisterTools")
        bridge.register_tools(session_id, registrations, context.remaining())
        return list(tools)

    def initialize(self) -> Any:
        """Prepares the instance for one call. Does nothing unless overridden."""

    def cleanup(self) -> Any:
        """Releases what `initialize` and the tool took. Does nothing unless overridden."""
