"""Workers that tests start, ended by pid when the test is over."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .harness import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    StartWorker = Callable[..., Worker]


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
