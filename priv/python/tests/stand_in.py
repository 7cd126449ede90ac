"""Stands in for a runtime that is going to be killed: starts workers, tells of them, and waits.

`python -m tests.stand_in DIRECTORY CASES`: one line of JSON comes back when all are as they should be.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from snakepit_bridge.layers import EOF, LIFELINE, OPINION, VARIABLE
from snakepit_bridge.platforms.linux import DEATH_SIGNAL

from .harness import PACKAGE_DIR, Worker, wait_until, worker_environment

LAYERS = frozenset((LIFELINE, EOF, OPINION))


class Case(NamedTuple):
    """One worker: the layers it has, what it does when the runtime dies, and its adapter."""

    layers: tuple[str, ...]
    state: str = "idle"
    adapter: str = "adapters.Plain"


class Victim(NamedTuple):
    """A worker and a child of it that ignores SIGTERM."""

    worker: int
    child: int


def start_runtime(cases: list[Case], directory: Path) -> subprocess.Popen[str]:
    """Starts the stand-in; it is to be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stand_in", str(directory), json.dumps(cases)],
        cwd=PACKAGE_DIR,
        env=worker_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def read_victims(runtime: subprocess.Popen[str]) -> list[Victim]:
    """The workers in the order of their cases, once all are ready to lose their runtime."""
    assert runtime.stdout is not None
    return [Victim(*pids) for pids in json.loads(runtime.stdout.readline())]


def place_of(case: int, directory: Path) -> Path:
    """The mark of a worker that is busy. Beside it is the FIFO that ends the holding of the interpreter's lock."""
    return directory / f"busy-{case}"


def let_go(case: int, directory: Path) -> None:
    """Ends the holding of the lock by the worker of a case."""
    fifo = place_of(case, directory).with_suffix(".fifo")

    def is_opened() -> bool:
        try:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody reads yet
                raise
            return False
        return True

    wait_until(is_opened, "the lock is held")


def _start(case: Case, directory: Path) -> Worker:
    directory.mkdir(mode=0o700)
    without = ",".join(sorted(LAYERS - set(case.layers)))
    return Worker(case.adapter, directory, **{VARIABLE: without})


def _bring_into(state: str, worker: Worker, mark: Path) -> None:
    tools: dict[str, dict[str, Any]] = {
        "holding the lock": {"tool": "hold_the_lock_until", "fifo": str(mark.with_suffix(".fifo"))},
        "blocked loop": {"tool": "block_the_loop", "seconds": 1000},
        "blocked thread": {"tool": "sleep", "seconds": 1000},
    }
    if state == "holding the lock":
        os.mkfifo(mark.with_suffix(".fifo"))
    if state in tools:
        worker.invoke(mark=str(mark), **tools[state])
        wait_until(mark.exists, "the tool starts")
    elif state == "default SIGTERM":
        worker.execute("give_sigterm_its_default")
    elif state == "stopped":
        os.kill(worker.pid, signal.SIGSTOP)


def main(directory: Path, cases: list[Case]) -> None:
    workers: list[Worker] = []
    try:
        for n, case in enumerate(cases):
            workers.append(_start(case, directory / str(n)))
        victims = _prepare(workers, cases, directory)
        print(json.dumps(victims), flush=True)  # noqa: T201
        time.sleep(1000)
    finally:
        # When something fails here: a worker without layers would be left for ever.
        for worker in workers:
            worker.close()


def _prepare(workers: list[Worker], cases: list[Case], directory: Path) -> list[Victim]:
    for worker in workers:
        worker.hello()
    victims = []
    for worker, case in zip(workers, cases):
        assert worker.receive()["type"] == "ready"
        victims.append(
            Victim(worker.pid, worker.execute("spawn_child", ignore_sigterm=True, wait=True))
        )
        if OPINION in case.layers:
            # Armed, so that it is the signal which has to do it, not the look after arming.
            wait_until(lambda: worker.execute("death_signal") == DEATH_SIGNAL, "it is armed")  # noqa: B023
    for n, case in enumerate(cases):
        _bring_into(case.state, workers[n], place_of(n, directory))
    return victims


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Case(*fields) for fields in json.loads(sys.argv[2])])
