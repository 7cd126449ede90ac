"""Python's own exit waits for threads, children and exit handlers: none of them may hold a worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .harness import (
    FIXTURES,
    LIMIT_SECONDS,
    Stopwatch,
    is_alive,
    wait_until,
    worker_environment,
)

if TYPE_CHECKING:
    from pathlib import Path

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
    with Stopwatch() as watch:
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait() == 0
    assert watch.seconds < 3
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "all children are gone")


def test_nothing_holds_the_end(spawn: StartWorker) -> None:
    """[R3.2] [R3.3] Whatever a worker leaves running, and whatever it ends for: it ends, and its
    status tells why. Nobody asks some of these to end; one is a health check."""
    failed = [spawn("fails_with_child.X"), spawn("fails_with_thread.X")]
    tools = ("leave_thread", "leave_object", "leave_object", "leave_pool")
    workers = [spawn(LINGERING) for _ in tools]
    check = start_health_check("fails_with_thread.X")
    try:
        for worker in (*failed, *workers):
            worker.hello()
        for worker, tool in zip(workers, tools):
            assert worker.receive()["type"] == "ready"
            children = worker.execute(tool)
        thread, asked, hanging, alone = workers
        for worker in (hanging, alone):
            worker.invoke("end_by_task", status=3)  # whose answer may be overtaken by that
        for worker in (thread, asked):
            os.kill(worker.pid, signal.SIGTERM)
        assert [worker.wait() for worker in failed] == [69, 69]
        assert alone.wait() == 3
        wait_until(lambda: not any(is_alive(pid) for pid in children), "the children are gone")
        assert thread.wait() == 70
        # Asked to end, its objects are left to the kernel; otherwise Python frees them, and one hangs.
        assert asked.wait() == 0
        assert hanging.wait() == -signal.SIGALRM
        printed, _ = check.communicate(timeout=LIMIT_SECONDS)
        assert json.loads(printed)["error"]["code"] == "ADAPTER_IMPORT"
        assert check.returncode == 69
    finally:
        check.kill()
        check.communicate()


def test_an_end_in_order_runs_handlers_and_says_all(spawn: StartWorker, tmp_path: Path) -> None:
    """[I7.4] [T5.2] It leaves its objects to the kernel, and nothing else: exit handlers run, and what was
    written without being flushed, by Python or by C, arrives."""
    worker = spawn(LINGERING)
    worker.start()
    handled, written = tmp_path / "handled", tmp_path / "written"
    worker.execute("mark_at_exit", handled=str(handled), written=str(written))
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait() == 0
    assert [path.read_text() for path in (handled, written)] == ["handled", "written"]
    assert b"said" in worker.drain_stdout()


DESCENDANTS = """
import os, signal, subprocess
from snakepit_bridge.process_group import may_have_descendants as ask
print(ask())
child = subprocess.Popen(["sleep", "1000"])
print(ask())
child.kill()
child.wait()
print(ask())
if os.fork() == 0:
    # Its child has no child, and had none.
    print(ask(), flush=True)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print(ask(), flush=True)
    os._exit(0)
os.wait()
"""


def test_only_who_had_a_child_looks_for_descendants() -> None:
    """[I7.4] [R8.4] A worker that ends looks at all processes of the machine only when it must."""
    command = [sys.executable, "-u", "-c", DESCENDANTS]
    answers = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert answers == ["False", "True", "True", "False", "True"]


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
