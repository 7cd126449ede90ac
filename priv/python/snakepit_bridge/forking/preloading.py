"""What a fork server imports before it forks, and what it refuses to."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
from typing import TYPE_CHECKING, Any

from snakepit_bridge.adapter_loader import (
    AdapterError,
    describe_error,
    format_traceback,
    load_adapter,
)
from snakepit_bridge.bare_calls import tools_in_turn
from snakepit_bridge.notices import notice
from snakepit_bridge.platforms import load_platform
from snakepit_bridge.process_group import end_children
from snakepit_bridge.tool_specs import argument_names_of, fingerprint_of
from snakepit_bridge.worker import StartError

from .declaration import may_be_declared
from .import_watch import ImportWatch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from snakepit_bridge.adapter_loader import LoadedAdapter

    from .import_watch import Finding

# What every worker imports, sooner or later: all that it would import itself, every worker pays for.
_OWN = (
    "__main__",
    "beat_worker",
    "first_beats",
    "serving",
)

# What a pipe holds; a reason is shorter.
_MAX_ANSWER_BYTES = 64 * 1024
_MAX_REASON = 4096

# After that it is said what is imported: should it never end, nobody else could tell.
_SOON_SECONDS = 5.0

PRELOADED, UNDECLARED, UNSAFE, FAILED = "preloaded", "undeclared", "unsafe", "failed"


def preload_own() -> None:
    """Imports what every worker needs."""
    with ImportWatch() as watch:
        for name in _OWN:
            importlib.import_module(f"snakepit_bridge.{name}")
        importlib.import_module("concurrent.futures.thread")  # which asyncio imports late
        load_platform().load()
    _refuse(watch.finding(), "what every worker needs")


def preload_modules(names: Sequence[str]) -> None:
    """Imports what the pool names. Raises StartError."""
    for name in names:
        with ImportWatch() as watch:
            _import(name)
        _refuse(watch.finding(), name)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except BaseException as error:
        raise StartError(
            "PRELOAD_FAILED",
            f"cannot preload {name!r}: {type(error).__name__}: {describe_error(error)}",
            format_traceback(error),
        ) from error


def preload_adapter(path: str, *, is_auto: bool) -> str:
    """Imports an adapter that declares itself fork-safe and is so; returns what has become of it.

    It is asked in a fork first, so that the import of one that is not leaves nothing here; if nobody
    has asked for forks, only when it may declare it at all. One that cannot be imported is left to the
    workers, who say why. Raises StartError for one that declares what it is not, if somebody has asked for
    forks, and whenever it is not the same the second time.
    """
    if is_auto and not may_be_declared(path):
        return UNDECLARED
    answer = _ask_in_fork(path)
    state: str = answer["state"]
    if state == UNSAFE:
        if not is_auto:
            raise StartError("PRELOAD_UNSAFE", answer["reason"])
        notice(f"not preloaded: {answer['reason']}")
    if state != PRELOADED:
        return state
    with ImportWatch() as watch:
        try:
            adapter = load_adapter(path)
        except AdapterError as error:
            raise StartError("PRELOAD_FAILED", str(error), error.traceback_text) from error
        _read_early(adapter)
    _refuse(watch.finding(), path)
    return state


def _read_early(adapter: LoadedAdapter) -> None:
    """What each worker would read of it: it takes as long as the rest of a worker's start, and memory of its own."""
    with contextlib.suppress(Exception):  # the workers find the same, and say it
        argument_names_of(adapter.cls)
        tools_in_turn(adapter.cls)
        if not adapter.dispatches_itself:
            fingerprint_of(adapter.cls)


def _refuse(finding: Finding | None, name: str) -> None:
    if finding is not None:
        raise StartError("PRELOAD_UNSAFE", _explain(finding, name))


def _explain(finding: Finding, name: str) -> str:
    return (
        f"importing {name!r} before forking is unsafe: the module {finding.module!r} {finding.what}, which a "
        "fork cannot use. Remedy: let it do so when it is first used, leave it out of preload, or set launch: 'spawn'"
    )


def _ask_in_fork(path: str) -> dict[str, Any]:
    """What a process of its own says of an adapter."""
    reader, writer = os.pipe()
    probe = os.fork()
    if probe == 0:
        _answer(path, writer)
    os.close(writer)
    if not _answers_soon(reader):
        notice(f"importing {path!r} takes longer than {_SOON_SECONDS:g} s")
    with contextlib.suppress(ChildProcessError):  # a module has it that children are not waited for
        os.waitpid(probe, 0)
    end_children()  # whom the adapter has started, and who may hold the pipe
    os.set_blocking(reader, False)
    with os.fdopen(reader, "rb", buffering=0) as file:
        said = file.read(_MAX_ANSWER_BYTES) or b""
    answer: dict[str, Any] = json.loads(said) if said else {"state": FAILED}
    return answer


def _answers_soon(reader: int) -> bool:
    poller = select.poll()
    poller.register(reader, select.POLLIN)
    return bool(poller.poll(_SOON_SECONDS * 1000))


def _answer(path: str, writer: int) -> NoReturn:
    try:
        _be_silent()
        os.write(writer, json.dumps(_examine(path)).encode("ascii"))  # fits into the pipe
    finally:
        os._exit(0)  # whatever was raised: it must not go on as the server


def _be_silent() -> None:
    """What the adapter prints, whoever imports it in earnest prints again."""
    null = os.open(os.devnull, os.O_WRONLY)
    for fd in (1, 2):
        os.dup2(null, fd)
    os.close(null)


def _examine(path: str) -> dict[str, Any]:
    with ImportWatch() as watch:
        try:
            adapter = load_adapter(path)
        except AdapterError:
            return {"state": FAILED}
        if getattr(adapter.cls, "fork_safe", False) is not True:
            return {"state": UNDECLARED}
        _read_early(adapter)
    finding = watch.finding()
    if finding is None:
        return {"state": PRELOADED}
    return {"state": UNSAFE, "reason": _explain(finding, path)[:_MAX_REASON]}
