"""The life of a worker after its lifeline is armed: load, serve, end."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import sys
import traceback
from functools import partial
from typing import TYPE_CHECKING

from . import exit_codes
from .adapter_loader import AdapterError, LoadedAdapter
from .notices import notice
from .process_group import leave, limit_exit
from .thread_modes import PROCESS_PROFILE, ThreadProfile
from .thread_profile import load_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from .heartbeat import HeartbeatClient
    from .hosts import Host
    from .termination import Termination


class StartError(Exception):
    """This worker cannot serve, and a restart will not change that."""

    def __init__(self, code: str, message: str, traceback_text: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.traceback_text = traceback_text


def run_worker(
    adapter_path: str,
    host: Host,
    heartbeat: HeartbeatClient,
    termination: Termination,
    threading: ThreadProfile = PROCESS_PROFILE,
) -> int:
    """Serves until SIGTERM; returns the exit status. The process ends soon after, whatever the
    adapter has left running."""
    status = exit_codes.UNCAUGHT
    try:
        status = _run(partial(load_for, threading, adapter_path), host, heartbeat, termination)
    finally:
        limit_exit(status or exit_codes.FORCED)
    leave(status)
    return status


def _run(
    load: Callable[[], LoadedAdapter],
    host: Host,
    heartbeat: HeartbeatClient,
    termination: Termination,
) -> int:
    if sys.stderr is not None:
        faulthandler.enable()
    try:
        require_environment()
        adapter = _load(load)
        from .serving import serve  # gRPC, which has to be told something first

        asyncio.run(serve(adapter, host, heartbeat, termination))
    except StartError as error:
        notice(f"{error.code}: {error}")
        if error.traceback_text:
            notice(error.traceback_text)
        host.report_failure(error.code, str(error), error.traceback_text)
        return status_of(error.code)
    return exit_codes.OK


def status_of(code: str) -> int:
    """The exit status for why a worker cannot start."""
    is_ours_to_correct = code in ("ADAPTER_INVALID", "ADAPTER_NOT_THREAD_SAFE", "PRELOAD_UNSAFE")
    return exit_codes.MISCONFIGURED if is_ours_to_correct else exit_codes.UNAVAILABLE


def require_environment() -> None:
    """Imports what every worker needs. Raises StartError with what to type."""
    # gRPC's own handlers crash one of four forks of a worker, whose threads never leave gRPC (1.85).
    # Without them a fork may do anything but call gRPC, which it could not do anyway.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    if f"{__package__}.serving" in sys.modules:
        return  # a fork, whose server has imported it
    try:
        import google.protobuf
        import grpc.aio

        from .gen import snakepit_bridge_pb2_grpc
    except Exception as error:
        raise StartError(
            "ENVIRONMENT",
            f"this Python ({sys.executable}, {sys.version.split()[0]}) cannot load gRPC: "
            f"{type(error).__name__}: {error}. Remedy: npx snakepit setup, or "
            f"{sys.executable} -m pip install 'grpcio>=1.60,<2' 'protobuf>=4.25.3,<8'",
            traceback.format_exc(),
        ) from error
    # Named, so that the imports above are what this function is about.
    _ = (google.protobuf, grpc.aio, snakepit_bridge_pb2_grpc)


def _load(load: Callable[[], LoadedAdapter]) -> LoadedAdapter:
    try:
        return load()
    except AdapterError as error:
        raise StartError(error.code, str(error), error.traceback_text) from error
