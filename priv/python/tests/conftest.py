"""Workers that tests start, ended by pid when the test is over."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .harness import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    StartWorker = Callable[..., Worker]


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A private directory with a path short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="snakepit-", dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@pytest.fixture
def spawn(short_dir: Path) -> Iterator[StartWorker]:
    """Starts workers: `spawn('adapters.Plain')`."""
    workers: list[Worker] = []

    def start(adapter: str, *arguments: str, **environment: str) -> Worker:
        directory = short_dir / str(len(workers))
        directory.mkdir(mode=0o700)
        worker = Worker(adapter, directory, *arguments, **environment)
        workers.append(worker)
        return worker

    try:
        yield start
    finally:
        for worker in workers:
            worker.close()


@pytest.fixture
def plain(spawn: StartWorker) -> Worker:
    """A ready worker of `adapters.Plain`."""
    worker = spawn("adapters.Plain")
    worker.start()
    return worker
