"""What of a worker answers beats while the rest of it, which is large, is imported."""

from __future__ import annotations

from .beats import BeatChannel
from .calls import Calls
from .heartbeat import HeartbeatClient


def answer_beats(fd: int, parent: int, *, ends_worker: bool) -> BeatChannel:
    """Answers from now on; with `ends_worker`, the end of the channel is that of the worker."""
    beats = BeatChannel(fd, parent, HeartbeatClient(Calls()), ends_worker=ends_worker)
    beats.start()
    return beats
