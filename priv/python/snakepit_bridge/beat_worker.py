"""A worker that a runtime has started, which has a beat channel; see `__main__` for what comes before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import layers
from .arguments import parse_arguments
from .hosts import BeatHost
from .second_opinion import SecondOpinion
from .standard_output import guard_stdout, watch_stdout
from .termination import Termination
from .worker import run_worker

if TYPE_CHECKING:
    from collections.abc import Container

    from .beats import BeatChannel


def run_on_beats(
    beats: BeatChannel,
    parent: int,
    without: Container[str],
    *,
    calls_fd: int | None,
    lifeline_armed: bool,
) -> int:
    """Serves until it is asked to stop; returns the exit status. `without` names the safety layers that are
    switched off."""
    termination = Termination()
    termination.install()
    beats.on_stop(termination.request)
    opinion = None
    if parent and layers.OPINION not in without:
        opinion = SecondOpinion(parent, termination)
        opinion.take_precautions()
    guard_stdout()
    if layers.EOF not in without:
        watch_stdout()
    arguments = parse_arguments(sys.argv[1:])
    host = BeatHost(beats, opinion, calls_fd=calls_fd, lifeline_armed=lifeline_armed)
    return run_worker(arguments.adapter, host, beats.heartbeat, termination, arguments.threading)
