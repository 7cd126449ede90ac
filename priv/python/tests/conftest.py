"""Workers that tests start, ended by pid when the test is over."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .forks import Server
from .frames import Frames, SocketFrames
from .harness import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .frames import Stream

    StartWorker = Callable[..., Worker]
    StartServer = Callable[..., Server]


@contextmanager
def make_short_dir() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="snakepit-", dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def start_workers(directory: Path) -> Iterator[StartWorker]:
    workers: list[Worker] = []

    def start(adapter: str, *arguments: str, **environment: str) -> Worker:
        place = directory / str(len(workers))
        place.mkdir(mode=0o700)
        worker = Worker(adapter, place, *arguments, **environment)
        workers.append(worker)
        return worker

    try:
        yield start
    finally:
        for worker in workers:
            worker.close()


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A private directory with a path short enough for sockets."""
    with make_short_dir() as directory:
        yield directory


@pytest.fixture
def spawn(short_dir: Path) -> Iterator[StartWorker]:
    """Starts workers: `spawn('adapters.Plain')`."""
    with start_workers(short_dir) as start:
        yield start


@pytest.fixture(scope="module")
def spawn_shared() -> Iterator[StartWorker]:
    """Starts workers that all tests of a module share."""
    with make_short_dir() as directory, start_workers(directory) as start:
        yield start


@pytest.fixture(scope="module")
def serving(spawn_shared: StartWorker) -> Worker:
    """A ready worker of `adapters.Plain`, for tests that leave it as it is."""
    worker = spawn_shared("adapters.Plain")
    worker.start()
    return worker


@pytest.fixture
def plain(spawn: StartWorker) -> Worker:
    """A ready worker of `adapters.Plain`, to do anything with."""
    worker = spawn("adapters.Plain")
    worker.start()
    return worker


@pytest.fixture(scope="module")
def calling(spawn_shared: StartWorker) -> Worker:
    """A ready worker of `calling.Calling`, for tests that leave it as it is."""
    worker = spawn_shared("calling.Calling")
    worker.start()
    return worker


@pytest.fixture
def frames(calling: Worker) -> Iterator[Frames]:
    """A stream of frames to `calling`."""
    stream = Frames(calling)
    yield stream
    stream.close()


@pytest.fixture(params=["frames of gRPC", "call socket"])
def either_frames(request: pytest.FixtureRequest) -> Iterator[Stream]:
    """Frames of a worker of its own: by the RPC, and by the socket that it inherits."""
    stream: Stream
    if request.param == "call socket":
        stream = SocketFrames(request.getfixturevalue("plain"))
    else:
        stream = Frames(request.getfixturevalue("serving"))
    yield stream
    stream.close()


@contextmanager
def start_servers(directory: Path) -> Iterator[StartServer]:
    servers: list[Server] = []

    def start(*arguments: str, **environment: str) -> Server:
        place = directory / f"s{len(servers)}"
        place.mkdir(mode=0o700)
        server = Server(place, *arguments, **environment)
        servers.append(server)
        return server

    try:
        yield start
    finally:
        for server in servers:
            server.close()


@pytest.fixture
def serve(short_dir: Path) -> Iterator[StartServer]:
    """Starts fork servers: `serve('--preload', 'numpy')`."""
    with start_servers(short_dir) as start:
        yield start


@pytest.fixture(scope="module")
def forking() -> Iterator[Server]:
    """A ready fork server that has imported `preloadable.Declared`, for tests that leave it as it is."""
    with make_short_dir() as directory, start_servers(directory) as start:
        server = start("--adapter", "preloadable.Declared")
        server.start()
        yield server
