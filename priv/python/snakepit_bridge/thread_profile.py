"""How a worker treats calls that come at the same time: what its command line and environment say."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from .adapter_loader import AdapterError, load_adapter
from .base_adapter_threaded import RequestTracker, is_thread_safe
from .thread_modes import OFF
from .thread_safety import ThreadSafetyMonitor, check_imports, mark_reader

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .adapter_loader import LoadedAdapter
    from .thread_modes import ThreadProfile
    from .tool_specs import Tool

SENSITIVE_VARIABLE = "SNAKEPIT_THREAD_SENSITIVE"


class CallWatch(NamedTuple):
    """Who hears of each call, besides its caller; each may be absent."""

    tracker: RequestTracker | None
    monitor: ThreadSafetyMonitor | None


def load_for(profile: ThreadProfile, adapter_path: str) -> LoadedAdapter:
    """Imports the adapter and checks that it is made for the profile. Raises AdapterError."""
    # One that was imported before the fork has brought what it imports along.
    is_loaded = adapter_path.rpartition(".")[0] in sys.modules
    before = set() if is_loaded else set(sys.modules)
    adapter = load_adapter(adapter_path)
    if profile.threads == 0:
        return adapter
    if not is_thread_safe(adapter.cls):
        raise AdapterError(
            "ADAPTER_NOT_THREAD_SAFE",
            f"adapter {adapter_path!r} does not say that its tools may run at the same time: "
            f"derive it from snakepit_bridge.ThreadSafeAdapter, or say __thread_safe__ = True in its "
            f"class, before {profile.threads} calls run in one process",
        )
    if profile.check != OFF:
        check_imports(before, profile.check, adapter_path)
    return adapter._replace(threading=profile)


def watch_for(adapter: LoadedAdapter) -> CallWatch:
    """Who hears of the calls of an adapter."""
    cls, profile = adapter.cls, adapter.threading
    tracker = getattr(cls, "request_tracker", None)
    monitor = None
    if profile.threads and profile.check != OFF:
        monitor = ThreadSafetyMonitor(profile.check, mark_reader(cls))
    return CallWatch(tracker if isinstance(tracker, RequestTracker) else None, monitor)


def sensitive_tools(
    tools: Mapping[str, Tool], environment: Mapping[str, str] | None = None
) -> Collection[str]:
    """Names of the tools that must share one thread: those that say so, and those that the variable
    names, by their own name or by a module that they are defined in."""
    listed = (os.environ if environment is None else environment).get(SENSITIVE_VARIABLE, "")
    names = {name.strip() for name in listed.split(",") if name.strip()}
    return frozenset(
        name
        for name, tool in tools.items()
        if tool.metadata.thread_sensitive or name in names or _is_of(tool, names)
    )


def _is_of(tool: Tool, modules: Collection[str]) -> bool:
    own = getattr(tool.function, "__module__", None) or ""
    return any(own == module or own.startswith(f"{module}.") for module in modules)
