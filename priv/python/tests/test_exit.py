"""Python's own exit waits for threads, children and exit handlers: none of them may hold a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from .harness import FIXTURES, LIMIT_SECONDS, is_alive, wait_until, worker_environment

if TYPE_CHECKING:
    from .conftest import StartWorker

LINGERING = "lingering.Lingering"


def test_children_hold_no_exit(spawn: StartWorker) -> None:
    """[R3.2] [R3.3] [T2.2] A worker that is asked to stop ends within 3 s with status 0, whatever it
    has started and would wait for: children of `multiprocessing` that are no daemons, the jobs of a
    pool of processes, a program that an exit handler waits for."""
    worker = spawn(LINGERING)
    worker.start()
    tools = ("leave_processes", "leave_pool", "leave_exit_handler")
    pids = [pid for tool in tools for pid in worker.execute(tool)]
    assert len(pids) == 5
    assert all(is_alive(pid) for pid in pids)
    asked_at = time.monotonic()
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait() == 0
    assert time.monotonic() - asked_at < 3
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "all children are gone")


def test_nothing_holds_the_end(spawn: StartWorker) -> None:
    """[R3.2] [R3.3] Whatever a worker leaves running, and whatever it ends for: it ends, and its
    status tells why. Nobody asks some of these to end; one is a health check."""
    failed = [spawn("fails_with_child.X"), spawn("fails_with_thread.X")]
    tools = ("leave_thread", "leave_object", "leave_pool")
    workers = [spawn(LINGERING) for _ in tools]
    check = start_health_check("fails_with_thread.X")
    try:
        for worker in workers:
            worker.hello()
        for worker, tool in zip(workers, tools):
            assert worker.receive()["type"] == "ready"
            children = worker.execute(tool)
        thread, hanging, alone = workers
        alone.execute("end_by_task", status=3)
        for worker in (thread, hanging):
            os.kill(worker.pid, signal.SIGTERM)
        assert [worker.wait() for worker in failed] == [69, 69]
        assert alone.wait() == 3
        wait_until(lambda: not any(is_alive(pid) for pid in children), "the children are gone")
        assert thread.wait() == 70
        assert hanging.wait() == -signal.SIGALRM
        printed, _ = check.communicate(timeout=LIMIT_SECONDS)
        assert json.loads(printed)["error"]["code"] == "ADAPTER_IMPORT"
        assert check.returncode == 69
    finally:
        check.kill()
        check.communicate()


def start_health_check(adapter: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "snakepit_bridge", "--health-check", "--adapter", adapter],
        cwd=FIXTURES,
        env=worker_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def test_beats_that_cannot_be_answered(spawn: StartWorker) -> None:
    """[T1.2] A beat thread that fails ends the worker with the status of an unhandled exception,
    instead of a worker that nobody hears of any more."""
    worker = spawn("breaks_heartbeats.X")
    wait_until(lambda: b"broken" in worker.drain_stdout(), "the import has broken it")
    worker.send({"type": "ping", "seq": 7})
    assert worker.wait() == 1
    assert "MemoryError: no room for 7" in worker.stderr


IN_NEED = """
import subprocess
from snakepit_bridge import process_group
child = subprocess.Popen(["sleep", "1000"])
print(child.pid, flush=True)
def fail():
    raise MemoryError
process_group.{name} = {answer}
process_group.die_with_group(0)
"""


@pytest.mark.parametrize(
    ("name", "answer"),
    [("list_other_members", "fail"), ("_read_proc", "lambda: [(1, 1, 'S')]")],
    ids=["no memory", "another namespace"],
)
def test_group_goes_when_nobody_can_be_told_apart(name: str, answer: str) -> None:
    """[R3.3] Where the members of the group cannot be listed, for whatever reason, or the list is that
    of another pid namespace, the whole group goes, this process included."""
    result = subprocess.run(
        [sys.executable, "-c", IN_NEED.format(name=name, answer=answer)],
        env=worker_environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
        start_new_session=True,
    )
    assert result.returncode == -signal.SIGKILL
    child = int(result.stdout)
    wait_until(lambda: not is_alive(child), "the child is gone")
