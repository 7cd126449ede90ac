"""How workers end: asked to, or because their runtime is gone. Nothing of them may stay."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import pytest

from snakepit_bridge.standard_output import _GuardedPipe
from snakepit_bridge.termination import Termination

from .harness import (
    FIXTURES,
    LIMIT_SECONDS,
    Stopwatch,
    Worker,
    is_alive,
    wait_until,
    worker_environment,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import StartWorker


def refusal(worker: Worker) -> tuple[grpc.StatusCode, str | None]:
    """How the first call is answered that is refused."""
    while True:
        try:
            worker.execute("add", a=1)
        except grpc.RpcError as error:
            return error.code(), error.details()


@pytest.fixture(params=["idle", "holding the lock", "stopped", "blocked loop", "blocked thread"])
def busy(request: pytest.FixtureRequest, plain: Worker, tmp_path: Path) -> tuple[Worker, int]:
    """A worker that does something Python cannot interrupt, and a child of it that ignores SIGTERM."""
    mark = tmp_path / "busy"
    child = plain.execute("spawn_child", ignore_sigterm=True)
    if request.param == "holding the lock":
        plain.invoke("hold_the_lock", seconds=1000, mark=str(mark))
    elif request.param == "blocked loop":
        plain.invoke("block_the_loop", seconds=1000, mark=str(mark))
    elif request.param == "blocked thread":
        plain.invoke("sleep", seconds=1000, mark=str(mark))
    elif request.param == "stopped":
        os.kill(plain.pid, signal.SIGSTOP)
    if request.param not in ("idle", "stopped"):
        wait_until(mark.exists, "the tool starts")
    return plain, child


def test_idle_worker_stops_on_sigterm(plain: Worker) -> None:
    """[R3.2] SIGTERM ends an idle worker with status 0 within 3 s: after 2.8 s it would be 70."""
    os.kill(plain.pid, signal.SIGTERM)
    assert plain.wait() == 0
    assert plain.stderr == ""


def test_orderly_end_takes_children_along(plain: Worker) -> None:
    """[R3.3] A worker that ends in order takes its children along: its runtime may be gone by then,
    and its end has disarmed the lifeline."""
    child = plain.execute("spawn_child", ignore_sigterm=True)
    os.kill(plain.pid, signal.SIGTERM)
    assert plain.wait() == 0
    wait_until(lambda: not is_alive(child), "the child is gone")


class InFlight(NamedTuple):
    """A call that is in flight while its worker is asked to stop: let go within the grace, or not."""

    tool: str
    by_message: bool = False


SHORT = [InFlight("hold"), InFlight("async_hold"), InFlight("hold", by_message=True)]
LONG_ASYNC = InFlight("async_sleep")
STUCK = [InFlight("sleep"), InFlight("block_the_loop")]


class Asked:
    """A worker with a call in flight and a child, which is asked to stop."""

    def __init__(self, worker: Worker, directory: Path, asked: InFlight) -> None:
        worker.start()
        self.worker = worker
        self.child: int = worker.execute("spawn_child", ignore_sigterm=True)
        self.cancelled = directory / "cancelled"
        started, release = directory / "started", directory / "release"
        arguments: dict[str, Any] = {"mark": str(started)}
        if asked in SHORT:
            arguments["until"] = str(release)
        else:
            arguments["seconds"] = 1000
        if asked == LONG_ASYNC:
            arguments["cancelled_mark"] = str(self.cancelled)
        self.call = worker.invoke(asked.tool, **arguments)
        wait_until(started.exists, "the tool starts")
        if asked.by_message:
            worker.send({"type": "stop"})
        else:
            os.kill(worker.pid, signal.SIGTERM)
        self.refusal = refusal(worker) if asked in SHORT else None
        release.touch()


@pytest.fixture(scope="module")
def asked(
    spawn_shared: StartWorker, tmp_path_factory: pytest.TempPathFactory
) -> dict[InFlight, Asked]:
    """Asks them one right after the other, because it is their ends that take long."""
    calls: list[InFlight] = [*STUCK, LONG_ASYNC, *SHORT]
    return {
        call: Asked(spawn_shared("adapters.Plain"), tmp_path_factory.mktemp("asked"), call)
        for call in calls
    }


@pytest.mark.parametrize("call", SHORT, ids=str)
def test_request_lets_calls_finish(asked: dict[InFlight, Asked], call: InFlight) -> None:
    """[R3.2] [R3.5] [I2.5] A call in flight finishes; new ones are refused; status 0. The same for
    SIGTERM and for the message, which is what there is where there are no signals."""
    one = asked[call]
    assert one.refusal == (grpc.StatusCode.UNAVAILABLE, "this worker is stopping")
    assert one.call.result().success
    assert one.worker.wait() == 0


def test_sigterm_cancels_long_async_calls(asked: dict[InFlight, Asked]) -> None:
    """[R3.2] An async call longer than the grace is cancelled; status 0."""
    one = asked[LONG_ASYNC]
    assert one.worker.wait() == 0
    assert one.cancelled.exists()
    with pytest.raises(grpc.RpcError):
        one.call.result()


@pytest.mark.parametrize("call", STUCK, ids=str)
def test_sigterm_overrun(asked: dict[InFlight, Asked], call: InFlight) -> None:
    """[R3.2] A call that cannot be cancelled ends in status 70, and takes the children along."""
    one = asked[call]
    assert one.worker.wait() == 70
    wait_until(lambda: not is_alive(one.child), "the child is gone")


def test_sigterm_while_importing(spawn: StartWorker) -> None:
    """[R3.2] SIGTERM ends a worker that is not ready yet with status 0."""
    worker = spawn("slow_import.Never")
    wait_until(lambda: b"importing" in worker.drain_stdout(), "the import starts")
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGPIPE], ids=["SIGINT", "SIGPIPE"])
def test_signals_that_end_nothing(plain: Worker, number: signal.Signals) -> None:
    """[I2.5] [T2.1] Ctrl-C of a shared terminal does not end workers: the runtime decides. Nor does
    SIGPIPE, which would leave the children: a broken stdout is noticed otherwise."""
    os.kill(plain.pid, number)
    assert plain.execute("add", a=1) == 3


def test_stop_by_message_while_importing(spawn: StartWorker) -> None:
    """[R3.5] [R3.2] The stop message ends a worker that is not ready yet with status 0."""
    worker = spawn("slow_import.Never")
    wait_until(lambda: b"importing" in worker.drain_stdout(), "the import starts")
    worker.send({"type": "stop"})
    assert worker.wait() == 0


FORK = """
import os, signal, time
from snakepit_bridge import termination as module
module.FORCE_AFTER_SECONDS = 0.3
from snakepit_bridge.termination import Termination
termination = Termination()
termination.install()
termination.on_request(lambda: print("asked", flush=True))
read_end, write_end = os.pipe()
child = os.fork()
if child == 0:
    os.write(write_end, b"up")
    time.sleep(1000)
os.read(read_end, 2)
os.kill(child, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(1000)
"""


def test_sigterm_of_a_fork_is_its_own() -> None:
    """[I2.5] Terminating a forked child ends the child and does not count as our own request; ours
    is noticed, and enforced with status 70."""
    # Without gRPC: its threads make a fork a gamble, which is not what this is about.
    result = subprocess.run(
        [sys.executable, "-c", FORK],
        env=worker_environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
        start_new_session=True,
    )
    assert (result.stdout, result.returncode) == ("-15\nasked\n", 70)


DEATH_OR_REQUEST = """
import os, signal, sys, time
from snakepit_bridge import termination as module
from snakepit_bridge.platforms.linux import DEATH_SIGNAL
module.FORCE_AFTER_SECONDS = float(sys.argv[2])
from snakepit_bridge.termination import Termination
parent, answers = os.getppid(), [os.getppid()] * int(sys.argv[1])
def ask():
    return answers.pop() if answers else 1
os.getppid = ask
termination = Termination()
termination.install()
termination.on_request(lambda: print("asked", flush=True))
termination.watch_parent(parent, DEATH_SIGNAL)
for name in sys.argv[3:]:
    os.kill(os.getpid(), {"death": DEATH_SIGNAL, "SIGTERM": signal.SIGTERM}[name])
time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("answers", "signals", "printed", "status"),
    [
        (0, ["death", "death", "SIGTERM"], "", 0),
        (3, ["death"], "", 0),
        (3, ["SIGTERM", "death"], "asked\n", 0),
        (10_000, ["death", "death", "SIGTERM"], "asked\n", 70),
    ],
    ids=["dead", "not adopted yet", "while it stops", "only a thread of the parent"],
)
def test_signal_of_the_parents_death(
    answers: int, signals: list[str], printed: str, status: int
) -> None:
    """[R3.4] [T2.1] The signal of the parent's death comes twice, and before there is another
    parent: the end comes as soon as there is one. With the same parent it means nothing."""
    force_after = "0.3" if status == 70 else str(LIMIT_SECONDS)
    result = subprocess.run(
        [sys.executable, "-c", DEATH_OR_REQUEST, str(answers), force_after, *signals],
        env=worker_environment(),
        capture_output=True,
        text=True,
        timeout=2 * LIMIT_SECONDS,
        check=False,
        start_new_session=True,
    )
    assert (result.stdout, result.returncode) == (printed, status)


def test_loop_that_hears_signals_itself() -> None:
    """[R3.2] A loop that is woken by signals already, as uvloop is, keeps its own descriptor for
    that: without it, neither its handlers nor ours would run."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.new_event_loop()
    before = signal.set_wakeup_fd(theirs.fileno())
    try:
        Termination().wake(loop)
        assert signal.set_wakeup_fd(before) == theirs.fileno()
    finally:
        signal.set_wakeup_fd(before)
        loop.close()
        ours.close()
        theirs.close()


def test_closed_lifeline_kills_the_group(busy: tuple[Worker, int]) -> None:
    """[R3.3] [R1.3] When the runtime's end closes, the kernel kills worker and children, whatever
    they do."""
    worker, child = busy
    assert is_alive(child)
    worker.lifeline.close()
    assert worker.wait() == -signal.SIGKILL
    wait_until(lambda: not is_alive(child), "the child is gone")


def test_lost_beats_end_the_group(plain: Worker) -> None:
    """[R1.3] [R3.3] End of file on the beat channel alone: status 0, and no child left."""
    child = plain.execute("spawn_child", ignore_sigterm=True)
    plain.beat.close()
    assert plain.wait() == 0
    wait_until(lambda: not is_alive(child), "the child is gone")


def test_lost_beats_before_hello(spawn: StartWorker) -> None:
    """[R1.3] A runtime that dies before it says hello leaves nothing."""
    worker = spawn("adapters.Plain")
    worker.beat.close()
    assert worker.wait() == 0


def test_lost_beats_while_importing(spawn: StartWorker) -> None:
    """[R1.3] A runtime that dies during a long import leaves nothing."""
    worker = spawn("slow_import.Never")
    wait_until(lambda: b"importing" in worker.drain_stdout(), "the import starts")
    worker.beat.close()
    assert worker.wait() == 0


def test_lifeline_lost_before_arming(spawn: StartWorker) -> None:
    """[R1.3] A lifeline that closed before it was armed kills at once."""
    worker = spawn("adapters.Plain")
    worker.lifeline.close()
    assert worker.wait() == -signal.SIGKILL


def test_other_parent_than_told(spawn: StartWorker) -> None:
    """[R1.3] A worker whose runtime died before it looked was adopted by somebody else: it ends."""
    worker = spawn("adapters.Plain", SNAKEPIT_PARENT_PID="999999999")
    assert worker.wait() == 0


@pytest.mark.parametrize("tool", ["print_lines", "print_lines_elsewhere"])
def test_broken_stdout(spawn: StartWorker, tool: str) -> None:
    """[R3.1] [T1.2] [T2.1] What prints into a broken pipe ends the worker with status 0, and its
    children with it, while lifeline and beat channel are whole."""
    # Off: else the beat thread may be faster than the print.
    worker = spawn("adapters.Plain", SNAKEPIT_WITHOUT_LAYERS="eof")
    worker.start()
    child = worker.execute("spawn_child", ignore_sigterm=True)
    assert worker.process.stdout is not None
    worker.process.stdout.close()
    with pytest.raises(grpc.RpcError):
        worker.execute(tool, count=1)
    assert worker.wait() == 0
    wait_until(lambda: not is_alive(child), "the child is gone")


@pytest.mark.parametrize("state", ["idle", "blocked loop"])
def test_broken_stdout_of_a_silent_worker(plain: Worker, tmp_path: Path, state: str) -> None:
    """[R3.1] [T1.2] [T2.1] A broken stdout is seen within a second also by a worker that prints
    nothing, whatever its tools do: status 0, no child left; lifeline and beat channel are whole."""
    child = plain.execute("spawn_child", ignore_sigterm=True)
    if state == "blocked loop":
        mark = tmp_path / "busy"
        plain.invoke("block_the_loop", seconds=1000, mark=str(mark))
        wait_until(mark.exists, "the tool starts")
    assert plain.process.stdout is not None
    with Stopwatch() as watch:
        plain.process.stdout.close()
        assert plain.wait() == 0
    assert watch.seconds < 1
    wait_until(lambda: not is_alive(child), "the child is gone")


@pytest.mark.parametrize("by", ["null", "a broken pipe"])
def test_stdout_that_a_tool_replaced(plain: Worker, by: str) -> None:
    """[R3.1] [T2.1] A worker whose tool has put another file in the place of stdout is ended neither
    by the end of the old one nor by the state of the new one, as long as it prints nothing there."""
    plain.execute("replace_stdout", by=by)
    assert plain.process.stdout is not None
    plain.process.stdout.close()
    for seq in range(10):
        plain.send({"type": "ping", "seq": seq})
        assert plain.receive()["seq"] == seq
    if by == "null":
        assert plain.execute("print_lines", count=1) == "printed"


def test_full_stdout_that_does_not_block() -> None:
    """[R3.1] A child may make the stdout it shares non-blocking: what does not fit waits, without
    loss and without turning in circles."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    size, used = 300_000, []

    def write() -> None:
        started = time.thread_time()
        with _GuardedPipe(writer, "w", closefd=False) as pipe:
            assert pipe.write(b"x" * size) == size
        used.append(time.thread_time() - started)

    thread = threading.Thread(target=write)
    try:
        thread.start()
        wait_until(lambda: not select.select([], [writer], [], 0)[1], "the pipe is full")
        time.sleep(0.3)
        read = 0
        while read < size:
            read += len(os.read(reader, 65536))
        thread.join()
    finally:
        os.close(reader)
        os.close(writer)
    assert used[0] < 0.1


RUNTIME_OF_CLOSED_DESCRIPTORS = """
import contextlib, pathlib, sys, time
from tests.harness import Worker, wait_until
worker = Worker(sys.argv[2], pathlib.Path(sys.argv[1]))
print(worker.pid, flush=True)
def is_noticed():
    with contextlib.suppress(OSError):
        worker.send({"type": "ping", "seq": 1})
    return "watching the parent" in worker.stderr
wait_until(is_noticed, "the loss is noticed")
time.sleep(0.1)
print("alive" if worker.process.poll() is None else "dead", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize(
    "adapter", ["closes_descriptors.X", "reuses_descriptors.X", "covers_descriptors.X"]
)
def test_descriptors_closed_by_a_library(short_dir: Path, adapter: str) -> None:
    """[R1.3] [R3.3] [R3.4] A worker whose descriptors a library closed, or gave to others, ended or
    silent, lives on, and still goes with its runtime: it watches the parent instead."""
    runtime = subprocess.Popen(
        [sys.executable, "-c", RUNTIME_OF_CLOSED_DESCRIPTORS, str(short_dir), adapter],
        env=worker_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = 0
    try:
        assert runtime.stdout is not None
        pid = int(runtime.stdout.readline())
        assert runtime.stdout.readline() == "alive\n"
        runtime.kill()
        wait_until(lambda: not is_alive(pid), "the worker is gone")
    finally:
        runtime.kill()
        runtime.communicate()
        if pid and is_alive(pid):
            os.killpg(pid, signal.SIGKILL)


def test_group_is_required(short_dir: Path) -> None:
    """[R3.3] A worker that does not lead its group refuses to start: it would shoot its runtime."""
    beat_ours, beat_theirs = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "snakepit_bridge", "--adapter", "adapters.Plain"],
            cwd=FIXTURES,
            env=worker_environment(SNAKEPIT_BEAT_FD=str(beat_theirs)),
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[beat_theirs],
        )
        try:
            _, stderr = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == 78
        assert "does not lead its own process group" in stderr
        assert b'"code":"ENVIRONMENT"' in os.read(beat_ours, 4096)
    finally:
        os.close(beat_ours)
        os.close(beat_theirs)


def test_children_do_not_inherit_our_variables(plain: Worker) -> None:
    """[I2.5] A child that is a worker itself must not take our descriptors for its own."""
    assert plain.execute("variables") == ["SNAKEPIT_RUN_ID"]
