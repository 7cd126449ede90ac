"""The Python side of Snakepit: write an adapter here, call its tools from Node.

    from snakepit_bridge import BaseAdapter, tool

    class MyAdapter(BaseAdapter):
        @tool(description="Add two numbers")
        def add(self, a: int, b: int) -> int:
            return a + b

Importing this package loads nothing: a worker must arm its lifeline before any other code runs,
and this file runs first. The names below are looked up when they are first used (PEP 562).
"""

from __future__ import annotations

__version__ = "0.1.0"

_EXPORTS = {
    "BaseAdapter": "base_adapter",
    "StreamChunk": "base_adapter",
    "tool": "base_adapter",
    "ThreadSafeAdapter": "base_adapter_threaded",
    "thread_safe_method": "base_adapter_threaded",
    "BridgeUnavailableError": "node_errors",
    "NodeCallCancelledError": "node_errors",
    "NodeCallTimeoutError": "node_errors",
    "NodeToolError": "node_errors",
    "SessionContext": "session_context",
    "EncodingError": "serialization",
    "HeartbeatClient": "heartbeat",
    "HeartbeatStatistics": "heartbeat",
    "detached_env": "detached",
}

__all__ = [
    "BaseAdapter",
    "BridgeUnavailableError",
    "EncodingError",
    "HeartbeatClient",
    "HeartbeatStatistics",
    "NodeCallCancelledError",
    "NodeCallTimeoutError",
    "NodeToolError",
    "SessionContext",
    "StreamChunk",
    "ThreadSafeAdapter",
    "detached_env",
    "thread_safe_method",
    "tool",
]

TYPE_CHECKING = False  # typing's own constant would cost its import
if TYPE_CHECKING:
    from .base_adapter import BaseAdapter, StreamChunk, tool
    from .base_adapter_threaded import ThreadSafeAdapter, thread_safe_method
    from .detached import detached_env
    from .heartbeat import HeartbeatClient, HeartbeatStatistics
    from .node_errors import (
        BridgeUnavailableError,
        NodeCallCancelledError,
        NodeCallTimeoutError,
        NodeToolError,
    )
    from .serialization import EncodingError
    from .session_context import SessionContext


def __getattr__(name: str) -> object:
    module = _EXPORTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
