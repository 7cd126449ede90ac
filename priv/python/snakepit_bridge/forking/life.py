"""The life of a fork server: import, listen, fork, end."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import sys
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from snakepit_bridge import exit_codes, layers
from snakepit_bridge.beats import MAX_LINE_BYTES
from snakepit_bridge.notices import notice
from snakepit_bridge.process_group import die_with_group
from snakepit_bridge.worker import StartError, require_environment, status_of

from .environment_block import find_environment_block
from .line_peer import LinePeer
from .signals import CaughtSignals

if TYPE_CHECKING:
    from collections.abc import Sequence


class ServerFacts(NamedTuple):
    """What the first moments of this process have shown."""

    beat_fd: int
    lifeline_armed: bool
    parent: int
    """The runtime, whose death ends this process; 0 when the platform is not to be asked for it."""
    without: frozenset[str]
    """Safety layers that are switched off."""


class _Arguments(argparse.Namespace):
    preload: list[str]
    adapter: str
    auto: bool


def live(facts: ServerFacts, argv: Sequence[str]) -> None:
    """Returns in a fork only, which is a worker then: its descriptors, environment, directory and
    command line are those that the runtime asked for."""
    arguments = _parse(argv)
    if sys.stderr is not None:
        faulthandler.enable()
    beats = LinePeer(facts.beat_fd, MAX_LINE_BYTES)
    os.set_inheritable(facts.beat_fd, False)
    try:
        adapter = _preload(arguments)
    except StartError as error:
        _fail(beats, error.code, str(error), error.traceback_text)
    # gRPC, which has to be told something first.
    from .rehearsal import rehearse
    from .server import ForkServer, Surroundings

    block = find_environment_block()
    if block is None and sys.platform == "linux":
        notice(
            "workers cannot be told apart by their environment; that of their run is all they show"
        )
    surroundings = Surroundings(
        beats=beats,
        signals=CaughtSignals(facts.parent),
        block=block,
        lifeline_armed=facts.lifeline_armed,
        arms_lifelines=layers.LIFELINE not in facts.without,
        ends_with_beats=layers.EOF not in facts.without,
        adapter=adapter,
    )
    server = ForkServer(surroundings)
    _flush_output()
    # What is here now stays for ever, and collecting garbage writes on every page that it looks at.
    gc.collect()
    rehearse()
    gc.freeze()
    if not server.serve():
        die_with_group(exit_codes.OK)


def _parse(argv: Sequence[str]) -> _Arguments:
    parser = argparse.ArgumentParser(
        prog="python -m snakepit_bridge.fork_server", allow_abbrev=False
    )
    parser.add_argument("--preload", action="append", default=[], metavar="MODULE")
    parser.add_argument("--adapter", default="", metavar="PACKAGE.MODULE.CLASS")
    parser.add_argument("--auto", action="store_true")
    # Read by those who see command lines only, also those of forks.
    parser.add_argument("--snakepit-run-id", default="")
    return parser.parse_args(argv, namespace=_Arguments())


def _preload(arguments: _Arguments) -> str:
    """Imports everything; returns what has become of the adapter."""
    require_environment()
    from .preloading import preload_adapter, preload_modules, preload_own

    preload_own()
    preload_modules(arguments.preload)
    if not arguments.adapter:
        return ""
    return preload_adapter(arguments.adapter, is_auto=arguments.auto)


def _fail(beats: LinePeer, code: str, message: str, traceback_text: str | None) -> NoReturn:
    notice(f"{code}: {message}")
    if traceback_text:
        notice(traceback_text)
    beats.send({"type": "failed", "code": code, "message": message, "traceback": traceback_text})
    beats.finish()
    die_with_group(status_of(code))


def _flush_output() -> None:
    """A fork would print again what is in a buffer."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # absent, closed, or nobody reads
            continue
