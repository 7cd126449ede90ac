"""Starting what is meant to outlive its worker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWN = frozenset(
    (
        "SNAKEPIT_RUN_ID",
        "SNAKEPIT_WORKER",
        "SNAKEPIT_PARENT_PID",
        "SNAKEPIT_BEAT_FD",
        "SNAKEPIT_CALLS_FD",
        "SNAKEPIT_LIFELINE_FD",
        "SNAKEPIT_WITHOUT_LAYERS",
    )
)
_MARKER_PREFIXES = ("SNAKEPIT_RUN_", "SNAKEPIT_OWNER_")


def detached_env(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the environment without the marks by which a run finds what it has left behind.

    A process that keeps them ends with its worker's run at the latest. What is to live on also needs
    a session of its own, because the group of a worker ends with it, and output of its own, because
    the worker's has no reader then:

        subprocess.Popen(
            command,
            env=detached_env(),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    Settings of yours (SNAKEPIT_STATE_DIR and the like) stay. Nothing outlives a pool with strict
    descendants, nor a worker on Windows, whose job has no way out.
    """
    given = os.environ if environment is None else environment
    return {
        name: value
        for name, value in given.items()
        if name not in _OWN and not name.startswith(_MARKER_PREFIXES)
    }
