"""What a tool knows about the call it serves, and its way back to Node."""

from __future__ import annotations

import time
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from .bridge_client import BridgeClient, BridgeUnavailableError, require_no_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_NOTHING: Mapping[str, str] = MappingProxyType({})


class SessionContext:
    """The session of one call, and how long its caller will wait."""

    # A list of its own only for who calls Node.
    _cancelling: Sequence[Callable[[], object]] = ()

    def __init__(
        self,
        session_id: str,
        request_metadata: Mapping[str, str] | None = None,
        bridge: BridgeClient | None = None,
        *,
        session_metadata: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> None:
        self.session_id = session_id
        self.request_metadata: dict[str, str] = dict(request_metadata) if request_metadata else {}
        self.deadline = deadline
        """When the caller gives up, by `time.monotonic()`; None when it waits for ever."""
        self._session_metadata = session_metadata
        self._bridge = bridge
        self._cancelled = False

    @property
    def session_metadata(self) -> Mapping[str, str]:
        """What the session was opened with; it cannot be changed from here. Empty without a session."""
        known = self._session_metadata
        return MappingProxyType(known) if known else _NOTHING

    @property
    def cancelled(self) -> bool:
        """Whether the caller has given up. A tool that is not `async` should look now and then:
        a thread cannot be stopped from outside."""
        return self._cancelled

    def remaining(self) -> float | None:
        """Seconds until the caller gives up, never below 0; None when it waits for ever."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def mark_cancelled(self) -> None:
        """For the server: the caller has given up."""
        self._cancelled = True
        for cancel in tuple(self._cancelling):
            cancel()

    @contextmanager
    def cancelling(self, cancel: Callable[[], object]) -> Iterator[None]:
        """While the context lasts, `cancel` is called when the caller gives up, from any thread."""
        # At once, whichever thread comes first.
        listeners: list[Callable[[], object]] = self.__dict__.setdefault("_cancelling", [])
        listeners.append(cancel)
        try:
            if self._cancelled:  # it may have given up in between
                cancel()
            yield
        finally:
            listeners.remove(cancel)

    def call_node_tool(
        self, name: str, /, *, timeout: float | None = None, **arguments: Any
    ) -> Any:
        """Calls a function that the application registered with `registerTool`, and waits.

        `timeout` is in seconds; at most what the caller of this tool has left. Raises NodeToolError
        when it fails, with the class, message, code and stack it has in Node; BridgeUnavailableError
        when this worker cannot call Node at all; RuntimeError in `async` tools, which use
        `acall_node_tool`.
        """
        bridge = self.require_bridge(name)
        require_no_loop(name)
        return bridge.execute(self, name, arguments, timeout)

    async def acall_node_tool(
        self, name: str, /, *, timeout: float | None = None, **arguments: Any
    ) -> Any:
        """The same as `call_node_tool`, for `async` tools."""
        return await self.require_bridge(name).aexecute(self, name, arguments, timeout)

    def call_elixir_tool(self, name: str, /, **arguments: Any) -> Any:
        """The original's name of `call_node_tool`; as there, it may be called in `async` tools, and
        then nothing else runs in this worker until Node has answered."""
        return self.require_bridge(name).execute(self, name, arguments, None)

    @property
    def node_tools(self) -> dict[str, str]:
        """Names and descriptions of the functions this session may call; empty when the runtime
        cannot be asked."""
        return self.elixir_tools

    @property
    def elixir_tools(self) -> dict[str, str]:
        """The original's name of `node_tools`."""
        if self._bridge is None:
            return {}
        try:
            return self._bridge.list_tools(self.session_id, self.remaining())
        except RuntimeError:
            return {}

    def require_bridge(self, name: str) -> BridgeClient:
        """The way to Node. Raises BridgeUnavailableError, which names what was to be called."""
        if self._bridge is None:
            raise BridgeUnavailableError(
                f"cannot call {name!r}: this worker was started without a bridge to Node"
            )
        return self._bridge
