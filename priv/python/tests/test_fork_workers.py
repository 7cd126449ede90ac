"""Forked workers: they are workers like any other, and nothing of their server's is in them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .forks import ROOM, descriptors, environ
from .frames import SocketFrames
from .harness import is_alive, wait_until

if TYPE_CHECKING:
    from .conftest import StartServer
    from .forks import Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

DECLARED = "preloadable.Declared"


def test_serves_calls(forking: Server) -> None:
    """[I7.1] [I7.2] A forked worker says ready, and serves calls over gRPC and on its call socket."""
    worker = forking.fork()
    ready = worker.start()
    assert ready["pid"] == worker.pid
    assert ready["startTime"] == worker.forked["startTime"]
    assert ready["lifeline"] is True
    assert "add" in ready["tools"]
    assert worker.execute("add", a=3) == 5
    stream = SocketFrames(worker)
    stream.open(1, "add", a=4)
    assert stream.result(1) == 6


def test_answers_beats(forking: Server) -> None:
    """[I7.2] [R2.1] Its own thread answers beats, also while a tool holds it; the server's go to the server."""
    worker = forking.fork(DECLARED)
    worker.start()
    worker.invoke("fork_in_group").result()
    worker.send({"type": "ping", "seq": 5})
    assert worker.receive()["seq"] == 5
    forking.send({"type": "ping", "seq": 9})
    pong = forking.receive()
    assert (pong["type"], pong["seq"]) == ("pong", 9)
    assert pong["inFlight"] >= 1


def test_is_what_a_spawned_worker_is(forking: Server, tmp_path: Path) -> None:
    """[I7.2] [R3.3] It leads session and group, and finds command line, directory, import path, signals and
    threads as a program does that was just started."""
    worker = forking.fork(DECLARED, cwd=str(tmp_path), env={"TZ": "XYZ-3"})
    worker.start()
    facts = worker.execute("facts")
    assert facts["pid"] == worker.pid
    assert facts["parent"] == forking.pid
    assert facts["led"] is True
    assert facts["main"] == "snakepit_bridge.__main__"
    assert facts["argv"][0].endswith("snakepit_bridge/__main__.py")
    assert facts["argv"][1:] == ["--adapter", DECLARED, "--worker-id", f"w{worker.launch}"]
    assert facts["cwd"] == facts["path"] == str(tmp_path)
    assert facts["signals"] == {
        "SIGCHLD": 0,
        "SIGHUP": 0,
        "SIGUSR1": 0,
        "SIGPIPE": 1,
    }
    assert facts["blocked"] == []
    assert facts["timezone"] == "XYZ"
    assert "snakepit-beats" in facts["threads"]
    comm = Path(f"/proc/{worker.pid}/comm").read_text().strip()
    assert comm == f"w{worker.launch}"


def test_shares_what_was_imported(forking: Server) -> None:
    """[I7.1] A declared adapter was imported by the server, once, and by no worker."""
    first, second = forking.fork(DECLARED), forking.fork(DECLARED)
    for worker in (first, second):
        worker.start()
        assert worker.execute("imported_by") == forking.pid
    other = forking.fork("preloadable.Undeclared")
    other.start()
    assert other.execute("imported_by") == forking.pid  # of the same module


def test_shares_what_was_read_of_the_adapter(forking: Server) -> None:
    """[I7.1] The server has read the tools of an adapter that it has imported, and no worker does again; those
    of another class it has to read itself."""
    first, second = forking.fork(DECLARED), forking.fork("preloadable.Undeclared")
    assert first.start()["toolsFingerprint"] != second.start()["toolsFingerprint"]
    assert set(first.execute("read_by")) == {forking.pid}
    assert set(second.execute("read_by")) == {forking.pid, second.pid}


def test_imports_nothing_of_its_own(forking: Server) -> None:
    """[I7.1] What every worker needs was imported before the fork: nothing is left for it."""
    worker = forking.fork(DECLARED)
    worker.start()
    worker.execute("facts")
    assert worker.execute("modules_since_import") == []


def test_environment_is_its_own(serve: StartServer) -> None:
    """[I7.2] Variables are set and removed for one worker; the server's descriptors and room are not
    among them, in Python or in what it starts."""
    server = serve(SHARED="everybody", GONE="not for all")
    server.start()
    worker = server.fork(DECLARED, env={"OWN": "ä=1", "GONE": None})
    worker.start()
    seen = worker.execute("environment")
    assert seen["python"]["OWN"] == "ä=1"
    assert seen["python"]["SHARED"] == "everybody"
    assert "GONE" not in seen["python"]
    assert sorted(name for name in seen["python"] if name.startswith("SNAKEPIT_")) == sorted(
        ["SNAKEPIT_WORKER", server.marker.partition("=")[0]]
    )
    assert seen["python"]["SNAKEPIT_WORKER"] == "pool/w1/1"
    assert set(filter(None, seen["programs"])) == {
        f"{name}={value}" for name, value in seen["python"].items()
    }
    other = server.fork(DECLARED)
    other.start()
    assert other.execute("environment")["python"]["GONE"] == "not for all"


def test_marker_in_the_kernels_view(forking: Server) -> None:
    """[I7.2] [R1.2] The kernel shows exactly the worker's label, also of a child in a session of its own that
    executes no program; the label of the server is the server's alone."""
    worker = forking.fork(DECLARED)
    worker.start()
    daemon = worker.execute("fork_daemon")
    try:
        for pid in (worker.pid, daemon):
            shown = environ(pid)
            marks = [entry for entry in shown if entry.startswith("SNAKEPIT_WORKER=")]
            assert marks == [f"SNAKEPIT_WORKER=pool/w{worker.launch}/1"]
            assert "SNAKEPIT_SERVER=pool/fork-server/1" in shown
            assert forking.marker in shown
            assert not any(ROOM in entry for entry in shown)
        assert "SNAKEPIT_WORKER=pool/fork-server/1" in environ(forking.pid)
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_long_label(forking: Server) -> None:
    """[I7.2] A label that has no room is not shown, which it says; the worker works."""
    worker = forking.fork(env={"SNAKEPIT_WORKER": f"pool/{'w' * 600}/1"})
    worker.start()
    assert worker.execute("add", a=1) == 3
    assert "too long to be shown" in worker.stderr
    assert not any("www" in entry for entry in environ(worker.pid))


def test_output_is_its_own(forking: Server) -> None:
    """[I7.2] What a worker prints arrives on its own connections, and nobody else's."""
    first, second = forking.fork(DECLARED), forking.fork(DECLARED)
    for name, worker in (("one", first), ("two", second)):
        worker.start()
        worker.execute("say", text=f"I am {name}")
    for name, worker in (("one", first), ("two", second)):
        for role in ("stdout", "stderr"):
            assert worker.read_line(role) == f"I am {name}"
            assert worker.output(role) == ""


def test_random_numbers_differ(serve: StartServer) -> None:
    """[I7.2] Two workers draw different numbers, of Python and of numpy, which were both imported before."""
    server = serve("--preload", "numpy.random", "--preload", "random")
    server.start()
    draws = []
    for _ in range(2):
        worker = server.fork(DECLARED)
        worker.start()
        draws.append(worker.execute("draw"))
    assert draws[0][0] != draws[1][0]
    assert draws[0][1] != draws[1][1]


def test_holds_its_own_descriptors_only(serve: StartServer) -> None:
    """[I7.2] A worker has its connections, what it opened itself, and the tether; nothing of the server's or
    of other workers'. The server keeps nothing of theirs."""
    server = serve()
    server.start()
    before = descriptors(server.pid)
    first, second = server.fork(), server.fork()
    silent = server.dial()  # an open connection more
    third = server.fork()
    for worker in (first, second, third):
        worker.start()  # before that it may still hold what it is about to close
    of_server = descriptors(server.pid)
    assert set(of_server) - set(before) != set()  # the silent one
    mine = descriptors(third.pid)
    assert [mine[number][:7] for number in range(1, 6)] == ["socket:"] * 5
    assert mine[0] == "/dev/null"
    assert mine[6].startswith("pipe:")
    assert mine[6] in of_server.values()  # the tether
    theirs = {*of_server.values(), *descriptors(first.pid).values()} - {"/dev/null", mine[6]}
    assert not theirs & {target for target in mine.values() if not target.startswith("anon_inode")}
    # Its writing end is held by the server alone.
    for worker in (first, second, third):
        kinds = [
            flags_of(worker.pid, number) & os.O_ACCMODE
            for number, target in descriptors(worker.pid).items()
            if target == mine[6]
        ]
        assert kinds == [os.O_RDONLY]
    silent.close()


def flags_of(pid: int, number: int) -> int:
    return int(Path(f"/proc/{pid}/fdinfo/{number}").read_text().split()[3], 8)


def test_connections_are_blocking(forking: Server) -> None:
    """[I7.2] Output does not fail because nobody reads for a moment, as in a spawned worker."""
    worker = forking.fork()
    worker.start()
    for number in (1, 2):
        assert flags_of(worker.pid, number) & os.O_NONBLOCK == 0


ENDS: list[tuple[str, str, int | None, str | None]] = [
    ("exit", "end", 7, None),
    ("segfault", "end", None, "SIGSEGV"),
    ("abort", "end", None, "SIGABRT"),
]


@pytest.mark.parametrize(("how", "tool", "code", "by"), ENDS)
def test_exact_end(forking: Server, how: str, tool: str, code: int | None, by: str | None) -> None:
    """[I7.2] How a worker ended is told once, as the system says it."""
    worker = forking.fork(DECLARED)
    worker.start()
    worker.invoke(tool, how=how)
    worker.read_rest("stderr")  # Python's last words are many small writes
    assert forking.hear() == {
        "type": "ended",
        "launch": worker.launch,
        "pid": worker.pid,
        "code": code,
        "signal": by,
    }
    forking.assert_silent()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP, 40])
def test_end_by_signal(forking: Server, number: int) -> None:
    """[I7.2] A signal that ends a worker is named; one that stops it ends nothing."""
    worker = forking.fork()
    worker.start()
    os.kill(worker.pid, number)
    if number == signal.SIGSTOP:
        forking.assert_silent()
        os.kill(worker.pid, signal.SIGKILL)
    ended = forking.hear()
    name = {signal.SIGHUP: "SIGHUP", 40: "SIG40"}.get(number, "SIGKILL")
    assert (ended["code"], ended["signal"]) == (None, name)
    forking.assert_silent()


def test_graceful_end(forking: Server) -> None:
    """[I7.2] [R3.2] SIGTERM is the worker's own, which ends with 0; the server goes on."""
    worker = forking.fork()
    worker.start()
    os.killpg(worker.pid, signal.SIGTERM)
    ended = forking.hear()
    assert (ended["launch"], ended["code"], ended["signal"]) == (worker.launch, 0, None)
    assert forking.fork().start()["type"] == "ready"


def test_failing_worker(forking: Server) -> None:
    """[I7.2] A worker that cannot serve says why on its own channel, and its status says it, too."""
    worker = forking.fork("nowhere.Adapter")
    worker.hello()
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "ADAPTER_NOT_FOUND")
    assert forking.hear()["code"] == 69


def test_missing_directory(forking: Server, tmp_path: Path) -> None:
    """[I7.2] A directory that is gone is named, and the status says that it is ours to correct."""
    gone = str(tmp_path / "gone")
    worker = forking.fork(cwd=gone)
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "ENVIRONMENT")
    assert gone in message["message"]
    # Not before: the runtime would find its end closed, and read nothing of this.
    with pytest.raises(TimeoutError):
        forking.hear(1)
    worker.hello()
    assert forking.hear()["code"] == 78


def test_wrong_arguments(forking: Server) -> None:
    """[I7.2] A wrong command line ends it with 2."""
    worker = forking.fork(argv=["--wroker-id", "x"])
    assert forking.hear()["code"] == 2
    assert "did you mean --worker-id?" in worker.stderr


def test_end_takes_the_group_along(forking: Server) -> None:
    """[I7.2] [R3.3] Before the end of a worker is told nobody of its group is alive."""
    worker = forking.fork(DECLARED)
    worker.start()
    children = [worker.execute("fork_in_group") for _ in range(3)]
    os.kill(worker.pid, signal.SIGKILL)
    assert forking.hear()["signal"] == "SIGKILL"
    # Killed when it was told; dying takes a moment.
    wait_until(lambda: not any(map(is_alive, children)), "its children are gone")


def test_group_is_killed_before_reaping(forking: Server) -> None:
    """[I7.2] A child that shares the group of a dead leader holds the number; what is told afterwards finds it
    dead, although it ignores every other signal and the leader was reaped."""
    worker = forking.fork()
    worker.start()
    child = worker.execute("spawn_child", ignore_sigterm=True, wait=True)
    assert os.getpgid(child) == worker.pid
    os.kill(worker.pid, signal.SIGTERM)
    assert forking.hear()["code"] == 0
    assert not Path(f"/proc/{worker.pid}").exists()
    wait_until(lambda: not is_alive(child), "the child is gone")


def test_orphans_are_reaped(forking: Server) -> None:
    """[I7.1] Whom a worker leaves behind stays no zombie, and is nobody's business."""
    worker = forking.fork(DECLARED)
    worker.start()
    orphan = worker.execute("leave_orphan")
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), "the orphan is reaped")
    forking.assert_silent()


def test_adapter_may_start_processes_of_its_own(forking: Server) -> None:
    """[I7.2] `multiprocessing` starts its processes as in a spawned worker: nobody runs the server's code."""
    worker = forking.fork("families.Parent")
    worker.start()
    (child,) = worker.execute("run_multiprocessing")
    command = Path(f"/proc/{child}/cmdline").read_bytes()
    assert b"fork_server" not in command
    assert b"multiprocessing" in command


def test_hundred_forks(forking: Server) -> None:
    """[I7.2] A hundred forks, each ended: all told once, no descriptor, zombie or process is left."""
    before = descriptors(forking.pid)
    living = set(forking.survivors())
    ended: dict[int, Any] = {}
    for _ in range(10):
        batch = [forking.ask(DECLARED) for _ in range(10)]
        told: list[dict[str, Any]] = [forking.hear() for _ in batch]
        assert {message["type"] for message in told} == {"forked"}
        for worker in batch:
            worker.close()  # its lifeline ends it, wherever it is
        for _ in batch:
            message = forking.hear()
            assert message["type"] == "ended"
            assert message["launch"] not in ended
            ended[message["launch"]] = message
    assert len(ended) == 100
    forking.assert_silent()
    assert descriptors(forking.pid) == before
    wait_until(lambda: set(forking.survivors()) == living, "nobody else is left")
