"""A fork server from the runtime's side: what it answers, whom it refuses, and that nobody is left of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .forks import ROLES, carriers, descriptors
from .harness import (
    FIXTURES,
    LIMIT_SECONDS,
    PACKAGE_DIR,
    TOKEN,
    is_alive,
    wait_until,
    worker_environment,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import StartServer
    from .forks import Forked, Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

DECLARED = "preloadable.Declared"


def test_ready(serve: StartServer) -> None:
    """[I7.1] It says ready as a worker does, has one thread, and its socket is its user's alone."""
    server = serve("--adapter", DECLARED)
    ready = server.start()
    assert ready["pid"] == server.pid
    assert ready["address"] == f"unix:{server.path}"
    assert ready["lifeline"] is True
    assert ready["features"] == ["fork"]
    assert ready["tools"] == []
    assert ready["adapter"] == "preloaded"
    assert os.stat(server.path).st_mode & 0o777 == 0o600
    assert threads(server.pid) == 1
    server.fork().start()
    assert threads(server.pid) == 1


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def test_only_a_runtime_starts_it() -> None:
    """[I7.1] Started by a person it says so, and is no server."""
    ended = subprocess.run(
        [sys.executable, "-m", "snakepit_bridge.fork_server"],
        env=worker_environment(),
        cwd=FIXTURES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (
        2,
        "snakepit: only a runtime starts a fork server\n",
    )


def test_place_that_cannot_be_listened_on(serve: StartServer) -> None:
    """[I7.1] It is named, and the status says that a restart does not help."""
    server = serve()
    server.send({"type": "hello", "token": TOKEN, "listen": "unix:/nowhere/x.sock"})
    message = server.receive()
    assert (message["type"], message["code"]) == ("failed", "LISTEN")
    assert "/nowhere/x.sock" in message["message"]
    assert server.wait() == 69


# Who connects.


@pytest.mark.parametrize(
    "header",
    [
        b"wrong control\n",
        b"wrong 1 stdout\n",
        b" 1 stdout\n",
        b" control\n",
        b"control\n",
        f"{TOKEN} nonsense\n".encode(),
        f"{TOKEN} 1 nonsense\n".encode(),
        f"{TOKEN} -1 stdout\n".encode(),
        f"{TOKEN} {'9' * 100} stdout\n".encode(),
        f"{TOKEN} 1 stdout more\n".encode(),
        f"{TOKEN}x 1 stdout\n".encode(),
        f"{TOKEN} control\n".encode(),  # a second one
        b"\n",
        b"\xff\0\xfe\n",
        b"x" * 512,
        b"x" * 100_000,
    ],
)
def test_strangers_are_dismissed(forking: Server, header: bytes) -> None:
    """[I7.1] Whoever does not know the token, or says nothing that makes sense in 512 bytes, is closed at
    once; the server goes on."""
    connection = forking.dial()
    with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(header)
        # It is accepted in the first turn at the latest and read in the second; in the same turn beats come first.
        for seq in range(3):
            forking.send({"type": "ping", "seq": seq})
            assert forking.receive()["seq"] == seq
        connection.setblocking(False)
        assert connection.recv(1) == b""


def test_header_in_pieces(forking: Server) -> None:
    """[I7.1] A header may come byte by byte, and what follows it belongs to the worker."""
    launch = 1000
    ends = {role: forking.connect(f"{launch} {role}") for role in ROLES if role != "beats"}
    beats = forking.dial()
    hello = {"type": "hello", "token": TOKEN, "listen": f"unix:{forking.directory}/p.sock"}
    for byte in f"{TOKEN} {launch} beats\n".encode():
        beats.send(bytes([byte]))
    beats.sendall(json.dumps({**hello, "bridge": None}).encode() + b"\n")
    try:
        forking.tell(forking.request(launch))
        assert forking.hear()["type"] == "forked"
        assert json.loads(beats.makefile().readline())["type"] == "ready"
    finally:
        for end in (*ends.values(), beats):
            end.close()
    assert forking.hear()["type"] == "ended"


def test_silent_strangers(serve: StartServer) -> None:
    """[I7.1] Who says nothing is closed after five seconds, and 64 of them are let in at a time. As long waits a
    launch for its connections, and a connection for its launch."""
    server = serve()
    server.start()
    before = descriptors(server.pid)
    begin = time.monotonic()
    server.tell(server.request(5))
    unasked = server.connect("77 stdout")
    assert server.connect("77 stdout").recv(1) == b""  # there is one already
    silent = [server.dial(b"c0") for _ in range(70)]
    wait_until(lambda: len(descriptors(server.pid)) == len(before) + 65, "64 are let in")
    for connection in silent[64:]:
        connection.close()
    late = server.hear()
    assert 4 < time.monotonic() - begin < LIMIT_SECONDS
    assert (late["launch"], late["code"]) == (5, "CHANNELS_LATE")
    assert late["message"] == "no connection came for beats, calls, lifeline, stderr, stdout"
    for connection in (unasked, *silent[:64]):
        assert connection.recv(1) == b""
        connection.close()
    wait_until(lambda: descriptors(server.pid) == before, "they are closed")
    assert server.fork().start()["type"] == "ready"


# What it is asked.


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"channels": ["stdout"]}, "channels must be"),
        ({"channels": "stdout"}, "channels must be a list"),
        ({"channels": [*ROLES, "more"]}, "channels must be"),
        ({"argv": [1]}, "argv must be"),
        ({"argv": ["a\0b"]}, "argv must be"),
        ({"cwd": ""}, "cwd must be"),
        ({"cwd": "\ud800"}, "cwd must be"),
        ({"env": {"A": 1}}, "env must be"),
        ({"env": {"A=B": "1"}}, "env must be"),
        ({"env": None}, "env must be"),
    ],
)
def test_bad_requests(forking: Server, change: dict[str, Any], text: str) -> None:
    """[I7.1] A request that makes no sense is refused with what is wrong, and nobody is forked."""
    forking.tell({**forking.request(2000), **change})
    refused = forking.hear()
    assert (refused["type"], refused["launch"], refused["code"]) == ("refused", 2000, "BAD_REQUEST")
    assert text in refused["message"]


def test_same_launch_twice(forking: Server) -> None:
    """[I7.1] A launch is one worker."""
    worker = forking.fork()
    forking.tell(forking.request(worker.launch))
    refused = forking.hear()
    assert (refused["code"], refused["message"]) == (
        "BAD_REQUEST",
        "there is such a launch already",
    )
    worker.close()
    assert forking.hear()["type"] == "ended"


def test_without_call_socket(forking: Server) -> None:
    """[I7.1] A worker need not have a call socket."""
    roles = [role for role in ROLES if role != "calls"]
    worker = forking.fork(channels=roles)
    worker.start()
    assert worker.execute("add", a=2) == 4
    worker.close()
    assert forking.hear()["type"] == "ended"


def test_cancel(forking: Server) -> None:
    """[I7.1] A launch that is not forked is forgotten, its connections closed; afterwards, and for one that is
    forked, it changes nothing."""
    connection = forking.connect("3000 stdout")
    forking.run_on_control(
        [
            forking.request(3000),
            {"type": "cancel", "launch": 3000},
            {"type": "cancel", "launch": 3000},
        ]
    )
    refused = forking.hear()
    assert (refused["launch"], refused["code"]) == (3000, "CANCELLED")
    assert connection.recv(1) == b""
    connection.close()
    worker = forking.fork()
    forking.tell({"type": "cancel", "launch": worker.launch})
    worker.start()
    assert worker.execute("add", a=1) == 3
    worker.close()
    assert forking.hear()["type"] == "ended"


def test_fork_that_the_system_refuses(serve: StartServer) -> None:
    """[I7.1] A system that lets nobody fork is told in its words; what was opened is closed."""
    server = serve("--preload", "preloads.no_fork")
    server.start()
    worker = server.ask()
    refused = server.hear()
    assert (refused["type"], refused["code"]) == ("refused", "FORK_FAILED")
    assert refused["message"] == "Resource temporarily unavailable"
    assert worker.beat.recv(1) == b""


# How it ends.


def test_stop_waits_for_the_last_worker(serve: StartServer) -> None:
    """[I7.3] Asked to stop it forks no more, serves beats, tells of each end, and ends with the last one."""
    server = serve()
    server.start()
    worker = server.fork()
    worker.start()
    server.tell(server.request(50))  # without connections
    server.send({"type": "stop"})
    assert server.hear()["code"] == "STOPPING"
    server.tell(server.request(51))
    assert server.hear()["code"] == "STOPPING"
    assert not os.path.exists(server.path)
    server.send({"type": "ping", "seq": 3})
    assert server.receive()["inFlight"] == 1
    assert worker.execute("add", a=5) == 7
    os.kill(worker.pid, signal.SIGTERM)
    assert server.hear()["code"] == 0
    assert server.wait() == 0


@pytest.mark.parametrize("how", ["sigterm", "control", "stop", "told"])
def test_stop_without_workers(serve: StartServer, how: str) -> None:
    """[I7.3] A server without workers ends at once with 0 on SIGTERM, `stop` on either connection, or the end of control."""
    server = serve()
    server.start()
    if how == "sigterm":
        os.kill(server.pid, signal.SIGTERM)
    elif how == "stop":
        server.send({"type": "stop"})
    elif how == "told":
        server.tell({"type": "stop"})
    else:
        assert server.control is not None
        server.control.close()
    assert server.wait() == 0
    server.expect_nobody()


def test_broken_control(serve: StartServer) -> None:
    """[I7.1] What is no message on control ends control, and the server with its workers' end."""
    server = serve()
    server.start()
    assert server.control is not None
    server.control.sendall(b"{]\n")
    assert server.wait() == 0
    assert "the control connection is broken" in server.stderr


def test_giant_line_on_control(serve: StartServer) -> None:
    """[I7.1] A line of more than a mebibyte is not kept."""
    server = serve()
    server.start()
    assert server.control is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        server.control.sendall(b"x" * (4 * 1024 * 1024))
    assert server.wait() == 0
    assert "exceeds 1048576 bytes" in server.stderr


def test_broken_beats(serve: StartServer) -> None:
    """[I7.1] What is no message on the beat channel ends everybody, with the status that says so."""
    server = serve()
    server.start()
    server.fork(DECLARED).start()
    server.beat.sendall(b"nonsense\n")
    assert server.wait() == 76
    server.expect_nobody()


def family(server: Server) -> list[Forked]:
    """Workers that are idle, hold the interpreter's lock, are stopped, are not ready, each with children."""
    workers = [server.fork(DECLARED) for _ in range(4)]
    for worker in workers[:3]:
        worker.start()
        worker.execute("fork_in_group")
    workers[1].invoke("hold_the_lock")
    os.kill(workers[2].pid, signal.SIGSTOP)
    return workers


def kill(server: Server) -> None:
    os.kill(server.pid, signal.SIGKILL)


def leave(server: Server) -> None:
    """What a runtime does that is killed: everything is closed."""
    for end in (server.beat, server.lifeline, server.control):
        assert end is not None
        end.close()
    for worker in server.workers:
        worker.close()


def stop_and_leave(server: Server) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    leave(server)


def leave_server(server: Server) -> None:
    """Only what the server has; its workers' connections stay."""
    server.lifeline.close()


def stop_and_kill(server: Server) -> None:
    os.kill(server.pid, signal.SIGSTOP)
    os.kill(server.pid, signal.SIGKILL)


def break_beats(server: Server) -> None:
    server.beat.close()


@pytest.mark.parametrize(
    "attack", [kill, leave, stop_and_leave, leave_server, stop_and_kill, break_beats]
)
def test_nobody_is_left(serve: StartServer, attack: Callable[[Server], None]) -> None:
    """[I7.3] [R1.1] [R1.3] [WH-8] [WH-9] Server killed, runtime gone, server stopped and runtime gone: nobody is left, whatever
    the workers do at that moment."""
    server = serve("--adapter", DECLARED)
    server.start()
    family(server)
    assert len(server.survivors()) == 8
    attack(server)
    server.expect_nobody(2)


@pytest.mark.parametrize(
    "without", ["lifeline", "eof", "opinion", "lifeline,opinion", "lifeline,eof"]
)
def test_nobody_is_left_without_a_layer(serve: StartServer, without: str) -> None:
    """[I7.3] [R1.1] Each layer alone is enough for workers that run."""
    server = serve(SNAKEPIT_WITHOUT_LAYERS=without)
    server.start()
    for _ in range(2):
        server.fork().start()
    if without == "lifeline,eof":
        kill(server)  # the runtime lives here; its death is for the next test
    else:
        leave(server)
    server.expect_nobody(2)


RUNTIME = """
import os, pathlib, signal, sys
sys.path.insert(0, sys.argv[1])
from tests.forks import Server
without = sys.argv[3:]
server = Server(
    pathlib.Path(sys.argv[2]), "--adapter", "preloadable.Declared",
    **{"SNAKEPIT_WITHOUT_LAYERS": name for name in without},
)
server.start()
workers = [server.fork("preloadable.Declared") for _ in range(3)]
for worker in workers:
    worker.start()
    worker.execute("fork_in_group")
    worker._channel.close()
print(server.marker, server.pid, flush=True)
sys.stdin.readline()
"""


# A stopped server hears nobody's word, so it needs the lifeline.
@pytest.mark.parametrize(("without", "stopped"), [("", False), ("", True), ("lifeline,eof", False)])
def test_death_of_the_runtime(short_dir: Path, without: str, stopped: bool) -> None:
    """[I7.3] [R1.1] A runtime that is killed leaves nobody, by the platform's word alone, too; nor when its server
    was stopped."""
    runtime = subprocess.Popen(
        [sys.executable, "-c", RUNTIME, str(PACKAGE_DIR), str(short_dir), without],
        env=worker_environment(),
        cwd=FIXTURES,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    marker, server = "", 0
    try:
        assert runtime.stdout is not None
        marker, pid = runtime.stdout.readline().split()
        server = int(pid)
        assert len(living(marker)) == 7
        if stopped:
            os.kill(server, signal.SIGSTOP)
        runtime.kill()
        wait_until(lambda: not living(marker), "nobody is left", 3)
    finally:
        runtime.kill()
        runtime.communicate(timeout=LIMIT_SECONDS)
        for left in living(marker) if marker else ():
            os.kill(left, signal.SIGKILL)


def living(marker: str) -> list[int]:
    return [pid for pid in carriers(marker) if is_alive(pid)]


@pytest.mark.parametrize("end", [leave, kill])
def test_end_in_the_middle_of_forks(serve: StartServer, end: Callable[[Server], None]) -> None:
    """[I7.3] [R1.3] [WH-9] A runtime that goes while workers are forked leaves nobody of them, at whatever moment; nor does
    a server that is killed, although the runtime holds all connections."""
    for pause in (0.0, 0.002, 0.005, 0.01, 0.02):
        server = serve()
        server.start()
        for _ in range(12):
            server.ask()
        time.sleep(pause)  # not a race that is hidden: one that is looked for
        end(server)
        server.expect_nobody(3)


def test_reader_that_is_slow(serve: StartServer) -> None:
    """[I7.1] A runtime that does not read for a while holds up nobody; it hears of everything later."""
    server = serve()
    server.start()
    assert server.control is not None
    server.control.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    requests = [{**server.request(10_000 + number), "cwd": ""} for number in range(3000)]
    for start in range(0, 3000, 100):
        server.run_on_control(requests[start : start + 100])
        server.send({"type": "ping", "seq": start})
        assert server.receive()["seq"] == start
    assert [server.hear()["launch"] for _ in requests] == list(range(10_000, 13_000))
