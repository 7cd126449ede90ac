"""`--health-check`: can this Python serve this adapter? Prints one JSON object for `doctor`."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata

from . import exit_codes
from .adapter_loader import AdapterError, load_adapter
from .process_group import limit_exit
from .worker import StartError, require_environment


def run_health_check(adapter_path: str) -> int:
    """Imports gRPC and the adapter, prints what it found, and returns the exit status."""
    report: dict[str, object] = {
        "ok": True,
        "adapter": adapter_path,
        "python": sys.executable,
        "pythonVersion": platform.python_version(),
        "packages": {name: _version(name) for name in ("grpcio", "protobuf")},
        "tools": [],
        "error": None,
    }
    status = exit_codes.OK
    try:
        require_environment()
        report["tools"] = list(load_adapter(adapter_path).tool_names)
    except (StartError, AdapterError) as error:
        invalid = error.code == "ADAPTER_INVALID"
        status = exit_codes.MISCONFIGURED if invalid else exit_codes.UNAVAILABLE
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


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
