"""The fork server: one warm process that forks the workers of a pool.

    python -u -m snakepit_bridge.fork_server [--preload MODULE]… [--adapter PATH] [--auto]

To its runtime it is a worker like any other: it leads its group, has a beat channel and a lifeline, and
ends with its runtime. It imports what all its workers need, makes no gRPC object, no thread and no event
loop, listens on its socket, and forks a worker whenever the runtime asks.

A fork becomes what `python -m snakepit_bridge` is. It never returns into the server: it leaves the
server's functions up to `main` below, where the life of a worker begins.

Who watches whom: the kernel ends the server's group with the runtime (lifeline), and each worker's group
with the runtime (a lifeline of its own) and with the server (the *tether*: a pipe into which only the
server could write). The server reaps its workers and tells how each ended.
"""

from __future__ import annotations

import os
import sys

from . import bootstrap, exit_codes, layers


def main() -> int:
    """Runs the server, which does not return from it; in a fork, runs the worker and returns its
    exit status."""
    beat_fd = bootstrap.take_number("SNAKEPIT_BEAT_FD")
    if beat_fd is None:
        sys.stderr.write("snakepit: only a runtime starts a fork server\n")
        return exit_codes.USAGE
    without = bootstrap.read_layers(beat_fd)
    told_parent = bootstrap.take_number("SNAKEPIT_PARENT_PID")
    armed = bootstrap.secure(beat_fd, told_parent, without)
    if not hasattr(os, "fork"):
        text = f"{sys.platform} cannot fork"
        bootstrap.fail_early(beat_fd, text, exit_codes.UNAVAILABLE, "FORK_UNSUPPORTED")
    if sys.platform == "linux":
        from .launching.kernel import PR_SET_CHILD_SUBREAPER, call

        # Whoever a worker leaves behind becomes the server's, and is reaped there.
        call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    from .forking.life import ServerFacts, live

    watched = 0 if layers.OPINION in without else bootstrap.parent_to_watch(told_parent)
    os.environ.pop("SNAKEPIT_FORK_ROOM", None)
    live(ServerFacts(beat_fd, armed, watched, without), sys.argv[1:])

    from .__main__ import main as run_worker

    return run_worker()


if __name__ == "__main__":
    sys.exit(main())
