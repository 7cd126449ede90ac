"""`--health-check`: can this Python serve this adapter? Prints one JSON object for `doctor`."""

from __future__ import annotations

import json
import platform
import sys
import traceback
from importlib import metadata

from . import exit_codes
from .adapter_loader import AdapterError
from .process_group import limit_exit
from .thread_modes import PROCESS_PROFILE, ThreadProfile, is_gil_enabled
from .thread_profile import load_for
from .worker import StartError, require_environment, status_of


def run_health_check(adapter_path: str, threading: ThreadProfile = PROCESS_PROFILE) -> int:
    """Imports gRPC and the adapter, prints what it found, and returns the exit status."""
    report: dict[str, object] = {
        "ok": True,
        "adapter": adapter_path,
        "python": sys.executable,
        "pythonVersion": platform.python_version(),
        "gil": is_gil_enabled(),
        "packages": {name: _version(name) for name in ("grpcio", "protobuf")},
        "tools": [],
        "specs": [],
        "error": None,
    }
    status = exit_codes.OK
    try:
        require_environment()
        adapter = load_for(threading, adapter_path)
        report["tools"] = list(adapter.tool_names)
        report["dispatchesItself"] = adapter.dispatches_itself
        report["specs"] = _describe_tools(adapter.cls)
    except (StartError, AdapterError) as error:
        status = status_of(error.code)
        report["ok"] = False
        report["error"] = {
            "code": error.code,
            "message": str(error),
            "traceback": error.traceback_text,
        }
    # A line of its own, after whatever the adapter printed.
    sys.stdout.write(f"{json.dumps(report)}\n")
    sys.stdout.flush()
    limit_exit(status)
    return status


def _describe_tools(adapter_class: type) -> list[dict[str, object]]:
    # Here, because it needs gRPC, which may be what is missing.
    from .tool_specs import describe, read_tools

    try:
        return [describe(tool) for tool in read_tools(adapter_class).values()]
    except (TypeError, ValueError) as error:
        raise StartError("ADAPTER_INVALID", str(error), traceback.format_exc()) from error


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
