"""Streaming tools of real workers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import pytest

from .harness import Worker, wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_chunks_in_order(serving: Worker) -> None:
    """[I2.5] Chunks arrive numbered and in order, and the last one is final and empty."""
    chunks = list(serving.stream("count", to=500))
    assert [json.loads(chunk.data)["i"] for chunk in chunks[:-1]] == list(range(500))
    assert [chunk.chunk_id for chunk in chunks[:2]] == ["count-1", "count-2"]
    assert [chunk.is_final for chunk in chunks] == [False] * 500 + [True]
    assert chunks[-1].data == b""


def test_async_generator(serving: Worker, tmp_path: Path) -> None:
    """[I2.5] Async generators stream, too, and are closed."""
    mark = tmp_path / "closed"
    chunks = list(serving.stream("async_count", to=3, mark=str(mark)))
    assert [chunk.data for chunk in chunks] == [b"0", b"1", b"2", b""]
    assert mark.exists()


def test_chunk_objects(serving: Worker) -> None:
    """[I2.5] A chunk object decides metadata and end; bytes stay bytes."""
    first, last = list(serving.stream("chunks"))
    assert first.data == b"raw"
    assert dict(first.metadata) == {
        "content_type": "application/octet-stream",
        "kind": "bytes",
    }
    assert (json.loads(last.data), last.is_final) == ({"done": True}, True)


def test_single_value(serving: Worker) -> None:
    """[I2.5] A tool that does not stream gives one chunk and the end."""
    chunks = list(serving.stream("add", a=1))
    assert [chunk.data for chunk in chunks] == [b"3", b""]


def test_failing_stream(serving: Worker) -> None:
    """[I2.5] What a generator raises ends the stream with INTERNAL and the payload, after its chunks."""
    stream = serving.stream("count", to=5, fail_at=2)
    assert [json.loads(next(stream).data)["i"] for _ in range(2)] == [0, 1]
    with pytest.raises(grpc.RpcError) as caught:
        next(stream)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    payload = json.loads(caught.value.details() or "")
    assert (payload["type"], payload["message"]) == ("RuntimeError", "failed at 2")
    assert "adapters.py" in payload["traceback"]


def test_backpressure_and_cancel(serving: Worker, tmp_path: Path) -> None:
    """[I2.5] A slow reader holds the generator back; cancelling closes it."""
    mark = tmp_path / "closed"
    stream = serving.stream("endless", mark=str(mark))
    assert json.loads(next(stream).data)["i"] == 1
    stream.cancel()
    wait_until(mark.exists, "the generator is closed")
    # 100 in the queue, and what HTTP/2 windows hold of 10 kB each.
    assert int(mark.read_text()) < 5000
    assert serving.execute("add", a=1) == 3


def test_lost_client(plain: Worker, tmp_path: Path) -> None:
    """[I2.5] A client that goes away closes the generator, too."""
    mark = tmp_path / "closed"
    stream = plain.stream("endless", mark=str(mark))
    next(stream)
    assert plain._channel is not None
    plain._channel.close()
    wait_until(mark.exists, "the generator is closed")
