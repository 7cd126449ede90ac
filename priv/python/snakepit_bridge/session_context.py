"""What a tool knows about the call it serves, and its way back to Node."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .bridge_client import BridgeClient, BridgeUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping


class SessionContext:
    """The session of one call."""

    def __init__(
        self,
        session_id: str,
        request_metadata: Mapping[str, str] | None = None,
        bridge: BridgeClient | None = None,
    ) -> None:
        self.session_id = session_id
        self.request_metadata = dict(request_metadata or {})
        self._bridge = bridge
        self._cancelled = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the caller has given up. A tool that is not `async` should look now and then:
        a thread cannot be stopped from outside."""
        return self._cancelled.is_set()

    def mark_cancelled(self) -> None:
        """For the server: the caller has given up."""
        self._cancelled.set()

    def call_node_tool(
        self, name: str, /, *, timeout: float | None = None, **arguments: Any
    ) -> Any:
        """Calls a function that the application registered with `registerTool`, and waits.

        `timeout` is in seconds. Raises NodeToolError with the host's message when it fails,
        BridgeUnavailableError when this worker cannot call Node at all. Not for `async` tools:
        they would block every other call of this worker; see `acall_node_tool`.
        """
        return self._require_bridge(name).execute(self.session_id, name, arguments, timeout)

    async def acall_node_tool(
        self, name: str, /, *, timeout: float | None = None, **arguments: Any
    ) -> Any:
        """The same as `call_node_tool`, for `async` tools."""
        return await self._require_bridge(name).aexecute(self.session_id, name, arguments, timeout)

    def call_elixir_tool(self, name: str, /, **arguments: Any) -> Any:
        """The original's name of `call_node_tool`."""
        return self.call_node_tool(name, **arguments)

    @property
    def elixir_tools(self) -> dict[str, str]:
        """Names and descriptions of the functions this session may call; empty when the runtime
        cannot be asked."""
        if self._bridge is None:
            return {}
        try:
            return self._bridge.list_tools(self.session_id)
        except RuntimeError:
            return {}

    def _require_bridge(self, name: str) -> BridgeClient:
        if self._bridge is None:
            raise BridgeUnavailableError(
                f"cannot call {name!r}: this worker was started without a bridge to Node. "
                "Register at least one function with snakepit.registerTool before the pool starts"
            )
        return self._bridge
