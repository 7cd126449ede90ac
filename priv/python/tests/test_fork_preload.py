"""What a fork server imports before it forks, and whom it names when that cannot be forked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .harness import wait_until, worker_environment

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import StartServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

UNSAFE = [
    ("preloads.starts_thread", "preloads.starts_thread", "started a thread"),
    ("preloads.nested", "preloads.starts_thread", "started a thread"),
    ("preloads.starts_then_imports", "preloads.starts_then_imports", "started a thread"),
    ("preloads.makes_channel", "preloads.makes_channel", "made a gRPC channel"),
    (
        "preloads.makes_and_closes_channel",
        "preloads.makes_and_closes_channel",
        "made a gRPC channel",
    ),
    ("preloads.keeps_loop", "preloads.keeps_loop", "opened a socket, a socket, an event loop"),
    ("preloads.runs_loop", "preloads.runs_loop", "started a thread"),
    ("preloads.keeps_file", "preloads.keeps_file", "keeps_file.py, and kept it open"),
]


@pytest.mark.parametrize(("module", "culprit", "what"), UNSAFE)
def test_unsafe_modules(serve: StartServer, module: str, culprit: str, what: str) -> None:
    """[I7.1] A preload that does what a fork does not survive is refused, and the module that did it named."""
    server = serve("--auto", "--preload", module)
    message = server.receive()
    assert (message["type"], message["code"]) == ("failed", "PRELOAD_UNSAFE")
    assert message["message"].startswith(
        f"importing {module!r} before forking is unsafe: the module {culprit!r} "
    )
    assert what in message["message"]
    assert "Remedy: " in message["message"]
    assert server.wait() == 78


def test_safe_module(serve: StartServer) -> None:
    """[I7.1] Threads, files and loops that are gone after the import harm nobody; it is imported once, by the
    server."""
    server = serve("--preload", "preloads.safe", "--preload", "preloads.safe")
    server.start()
    assert server.process.stdout is not None
    assert server.process.stdout.readline() == b"imported safe\n"
    worker = server.fork()
    worker.start()
    assert worker.execute("add", a=1) == 3
    assert worker.output("stdout") == ""


def test_numerical_libraries(serve: StartServer) -> None:
    """[I7.1] numpy can be preloaded with one thread for its algebra, and is refused, by name, with several."""
    server = serve("--preload", "numpy", OPENBLAS_NUM_THREADS="4")
    message = server.receive()
    assert message["code"] == "PRELOAD_UNSAFE"
    assert re.search(r"started (a thread|\d threads)", message["message"])
    assert "the module 'numpy." in message["message"]
    assert serve("--preload", "numpy").start()["type"] == "ready"


@pytest.mark.parametrize(
    ("module", "text", "line"),
    [
        (
            "raises_on_import",
            "RuntimeError: the model file is missing",
            'raises_on_import.py", line 3',
        ),
        ("nowhere", "No module named 'nowhere'", "ModuleNotFoundError"),
    ],
)
def test_modules_that_cannot_be_imported(
    serve: StartServer, module: str, text: str, line: str
) -> None:
    """[I7.1] An import that fails is told with its traceback."""
    server = serve("--auto", "--preload", module)
    message = server.receive()
    assert (message["type"], message["code"]) == ("failed", "PRELOAD_FAILED")
    assert text in message["message"]
    assert line in message["traceback"]
    assert server.wait() == 69
    assert text in server.stderr


def test_import_that_does_not_end(serve: StartServer) -> None:
    """[I7.1] The server is not ready as long as an adapter is asked, and says after a while which it is."""
    server = serve("--adapter", "slow_import.Never")
    said = "importing 'slow_import.Never' takes longer than 5 s"
    wait_until(lambda: said in server.stderr, said)


ADAPTERS = [
    ("preloadable.Declared", [], "preloaded"),
    ("preloadable.Declared", ["--auto"], "preloaded"),
    ("preloadable.Undeclared", [], "undeclared"),
    ("preloadable.Undeclared", ["--auto"], "undeclared"),
    ("unsafe_adapter.Unsafe", ["--auto"], "unsafe"),
    ("raises_on_import.X", [], "failed"),
    ("raises_on_import.X", ["--auto"], "undeclared"),
]


@pytest.mark.parametrize(("adapter", "options", "state"), ADAPTERS)
def test_adapters(serve: StartServer, adapter: str, options: list[str], state: str) -> None:
    """[I7.1] An adapter is imported before forking if it says that it may, and may; else by each worker."""
    server = serve("--adapter", adapter, *options)
    assert server.start()["adapter"] == state
    worker = server.fork(adapter)
    worker.hello()
    message = worker.receive()
    if adapter == "raises_on_import.X":
        assert (message["code"], server.hear()["code"]) == ("ADAPTER_IMPORT", 69)
        return
    assert message["type"] == "ready", message
    imported_by = worker.execute("imported_by")
    assert imported_by == (server.pid if state == "preloaded" else worker.pid)


def test_adapter_is_printed_once(serve: StartServer) -> None:
    """[I7.1] The fork that asks an adapter prints nothing; who imports it in earnest does."""
    server = serve("--adapter", "preloadable.Undeclared")
    server.start()
    worker = server.fork("preloadable.Undeclared")
    worker.start()
    assert worker.read_line() == "imported by pool/w1/1"
    server.send({"type": "stop"})
    worker.close()
    assert server.wait() == 0
    assert server.process.stdout is not None
    assert server.process.stdout.read() == b""


def test_adapter_that_is_not_what_it_says(serve: StartServer) -> None:
    """[I7.1] One that declares itself fork-safe and is not is refused, unless the pool may choose; what it did
    is not in the server."""
    server = serve("--adapter", "unsafe_adapter.Unsafe")
    message = server.receive()
    assert message["code"] == "PRELOAD_UNSAFE"
    assert "the module 'unsafe_adapter' started a thread" in message["message"]
    assert server.wait() == 78
    other = serve("--adapter", "unsafe_adapter.Unsafe", "--auto")
    other.start()
    assert "not preloaded: importing 'unsafe_adapter.Unsafe'" in other.stderr


def test_adapter_whose_import_crashes(serve: StartServer) -> None:
    """[I7.1] An adapter whose import ends the process, and leaves one behind, ends no server."""
    server = serve("--adapter", "preloads.crashes.X")
    assert server.start()["adapter"] == "failed"
    # Killed by then; dying takes a moment.
    wait_until(lambda: server.survivors() == [server.pid], "the child of the import is gone")


def test_module_that_does_not_wait_for_children(serve: StartServer) -> None:
    """[I7.1] A preload that has children reaped by the system is no hindrance: the server asks its adapter, and
    reaps its workers, all the same."""
    server = serve("--preload", "preloads.ignores_children", "--adapter", "preloadable.Declared")
    assert server.start()["adapter"] == "preloaded"
    worker = server.fork()
    worker.start()
    os.kill(worker.pid, 9)
    assert server.hear()["signal"] == "SIGKILL"


def test_thread_safety_of_what_was_imported(serve: StartServer) -> None:
    """[I7.2] What an adapter imports is looked at for threads also when it was imported before the fork."""
    path = "threaded_fork_adapter.Threaded"
    server = serve("--adapter", path)
    assert server.start()["adapter"] == "preloaded"
    check = ["--max-workers", "2", "--thread-safety-check", "strict"]
    worker = server.fork(path, argv=check)
    worker.hello()
    message = worker.receive()
    assert (message["type"], message["code"]) == ("failed", "ADAPTER_NOT_THREAD_SAFE")
    assert "sqlite3" in message["message"]
    assert server.hear()["code"] == 78


REHEARSAL = """
import asyncio, functools, os
from snakepit_bridge.forking import rehearsal
from snakepit_bridge.heartbeat import HeartbeatClient
calls = []
add = rehearsal._Adapter.add
@functools.wraps(add)
async def counted(self, a):
    calls.append(a)
    return await add(self, a)
rehearsal._Adapter.add = counted
asyncio.run(rehearsal._live(HeartbeatClient()))  # whose errors are told
assert calls == [1, 1, 2], calls
rehearsal.rehearse()
seen = [len(os.listdir(f"/proc/self/{name}")) for name in ("fd", "task")]
rehearsal.rehearse()
assert seen == [len(os.listdir(f"/proc/self/{name}")) for name in ("fd", "task")] and seen[1] == 1, seen
"""


def test_rehearsal_leaves_nothing() -> None:
    """[I7.1] What a server does of a worker's work before it forks is work indeed, and leaves no thread, no descriptor and
    no event loop."""
    ended = subprocess.run(
        [sys.executable, "-c", REHEARSAL],
        env=worker_environment(),
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.decode()) == (0, "")


@pytest.mark.parametrize("module", ["preloads.own_loops", "preloads.shows_spans"])
def test_rehearsal_is_not_seen(serve: StartServer, module: str) -> None:
    """[I7.1] Where somebody would see what a server does of a worker's work, or nobody knows what it leaves behind, it does
    not; its workers do."""
    server = serve("--preload", module)
    server.start()
    worker = server.fork()
    worker.start()
    assert worker.execute("add", a=1) == 3
    if module == "preloads.own_loops":
        assert worker.read_line() == "an event loop of its own runs"
    else:
        assert '"name": "snakepit.tool add"' in worker.output("stdout")
    server.send({"type": "stop"})
    worker.close()
    assert server.wait() == 0
    assert server.process.stdout is not None
    assert server.process.stdout.read() == b""


def test_missing_grpc(serve: StartServer, tmp_path: Path) -> None:
    """[I7.1] A Python without grpcio is reported as by a worker, with what to type."""
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError(\"No module named 'grpc'\")\n")
    path = os.pathsep.join([str(tmp_path), worker_environment()["PYTHONPATH"]])
    server = serve(PYTHONPATH=path)
    message = server.receive()
    assert (message["type"], message["code"]) == ("failed", "ENVIRONMENT")
    assert "snakepit setup" in message["message"]
    assert server.wait() == 69


def test_base_adapter_declares_nothing() -> None:
    """[I7.1] Nobody is fork-safe without saying so."""
    from snakepit_bridge import BaseAdapter, ThreadSafeAdapter

    assert BaseAdapter.fork_safe is False
    assert ThreadSafeAdapter.fork_safe is False
