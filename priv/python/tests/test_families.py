"""Processes that tools start: they go with their worker, unless they are meant not to."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from snakepit_bridge import detached_env

from .harness import LIMIT_SECONDS, Worker, is_alive, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import StartWorker

KINDS = ["run_subprocess", "run_pipeline", "run_multiprocessing", "run_fork"]
MARKS = {
    "SNAKEPIT_RUN_ID": "r1",
    "SNAKEPIT_RUN_r1": "1",
    "SNAKEPIT_RUN_outer": "1",
    "SNAKEPIT_WORKER": "default/w1/1",
}


def be_asked(worker: Worker) -> None:
    os.kill(worker.pid, signal.SIGTERM)


def lose_stdout(worker: Worker) -> None:
    assert worker.process.stdout is not None
    worker.process.stdout.close()


def lose_lifeline(worker: Worker) -> None:
    worker.lifeline.close()


def be_killed(worker: Worker) -> None:
    """As the runtime does it at every exit: the group of a dead leader keeps its number."""
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    os.killpg(worker.pid, signal.SIGKILL)


@pytest.mark.parametrize("end", [be_asked, lose_stdout, lose_lifeline, be_killed])
def test_children_go_with_their_worker(spawn: StartWorker, end: Callable[[Worker], None]) -> None:
    """[R3.3] [T2.2] Processes started in every way, and what these start, are of the worker's group
    and end with it, however it ends."""
    worker = spawn("families.Parent")
    worker.start()
    pids = [pid for kind in KINDS for pid in worker.execute(kind)]
    assert len(pids) == 5
    assert all(is_alive(pid) and os.getpgid(pid) == worker.pid for pid in pids)
    end(worker)
    worker.wait()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "all children are gone")


def test_fork_hides_no_death(spawn: StartWorker) -> None:
    """[R3.3] A fork keeps no end of the beat channel: the runtime sees at once that the worker is
    dead, and the worker that the runtime is."""
    worker = spawn("families.Parent")
    worker.start()
    (child,) = worker.execute("run_fork")
    os.kill(worker.pid, signal.SIGKILL)
    worker.beat.settimeout(LIMIT_SECONDS)  # with an end in the fork it would be never
    assert worker.beat.recv(1) == b""
    assert is_alive(child)


def test_forks_live(spawn: StartWorker) -> None:
    """[T2.2] A tool may fork: none of ten children crashes in the handlers of gRPC."""
    worker = spawn("families.Parent")
    worker.start()
    children = [pid for _ in range(10) for pid in worker.execute("run_fork")]
    assert [is_alive(pid) for pid in children] == [True] * 10


def test_fork_ends_alone(spawn: StartWorker) -> None:
    """[T2.2] A fork that is terminated takes nobody along, and is no request to its worker."""
    worker = spawn("families.Parent")
    worker.start()
    (sibling,) = worker.execute("run_subprocess")
    (child,) = worker.execute("run_fork")
    os.kill(child, signal.SIGTERM)
    wait_until(lambda: not is_alive(child), "the fork is gone")
    assert is_alive(sibling)
    assert worker.execute("add", a=1) == 3


def test_detached_environment() -> None:
    """No variable is left by which a run, written down or not, would know its own."""
    marks = {"SNAKEPIT_RUN_x": "1", "SNAKEPIT_OWNER_x": "me", "SNAKEPIT_WORKER": "a/b/c"}
    assert detached_env({**marks, "PATH": "/bin"}) == {"PATH": "/bin"}


def test_detached(spawn: StartWorker) -> None:
    """[R3.3] What was started with `detached_env()` and in a session of its own carries no mark of
    the run and outlives its worker; without the helper the marks are on it, for the sweep."""
    worker = spawn("families.Parent", **MARKS, SNAKEPIT_STATE_DIR="/mine")
    worker.start()
    free = worker.execute("run_detached", detach=True)
    marked = worker.execute("run_detached", detach=False)
    try:
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait() == 0
        assert is_alive(free)
        assert our_names(free) == ["SNAKEPIT_STATE_DIR"]
        assert set(MARKS) <= set(our_names(marked))
    finally:
        for pid in (free, marked):
            os.kill(pid, signal.SIGKILL)


def our_names(pid: int) -> list[str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return sorted(entry.partition("=")[0] for entry in entries if entry.startswith("SNAKEPIT_"))


def test_detached_env_is_a_copy() -> None:
    """[R3.3] The helper changes no environment, and takes any."""
    given = {**MARKS, "PATH": "/bin", "SNAKEPIT_PYTHON": "python3"}
    assert detached_env(given) == {"PATH": "/bin", "SNAKEPIT_PYTHON": "python3"}
    assert "SNAKEPIT_RUN_r1" in given
    assert detached_env() == {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SNAKEPIT_RUN_", "SNAKEPIT_W"))
    }
