"""Turns whatever a streaming tool returned into chunks, no faster than the caller takes them."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from .invocation import Invocation

from .gen import snakepit_bridge_pb2 as pb2
from .serialization import encode_json, is_binary

QUEUE_LIMIT = 100
BINARY_CHUNK = {"content_type": "application/octet-stream"}


def is_stream(value: object) -> bool:
    """Whether a tool's result has to be iterated to be received."""
    return _iterates(value, "__anext__") or _iterates(value, "__next__")


def _iterates(value: object, method: str) -> bool:
    # As Python itself does: special methods belong to the type, and an object may answer anything.
    return hasattr(type(value), method)


async def iterate(result: Any, invocation: Invocation) -> AsyncGenerator[Any, None]:
    """The items of an async iterator, of an iterator, or the one value itself.

    Close it (`aclose`) to close the tool's iterator. Raises ToolRaised for what the tool raises.
    """
    if _iterates(result, "__anext__"):
        async for item in _iterate_async(result, invocation):
            yield item
    elif _iterates(result, "__next__"):
        pump = _ThreadPump(result, invocation)
        try:
            async for item in pump.items():
                yield item
        finally:
            await pump.stop()
    else:
        yield result


async def _iterate_async(iterator: Any, invocation: Invocation) -> AsyncIterator[Any]:
    # No queue: the next item is asked for when the last one has been sent.
    try:
        while True:
            try:
                item = await iterator.__anext__()
            except StopAsyncIteration:
                return
            except BaseException as error:
                raise invocation.blame(error) from error
            yield item
    finally:
        if hasattr(iterator, "aclose"):
            await invocation.run(iterator.aclose, on_loop=True)


_END = object()


class _ThreadPump:
    """Drains a blocking iterator in a thread, at most QUEUE_LIMIT items ahead of the caller."""

    def __init__(self, iterator: Iterator[Any], invocation: Invocation) -> None:
        self._iterator = iterator
        self._queue: asyncio.Queue[object] = asyncio.Queue()
        self._room = threading.Semaphore(QUEUE_LIMIT)
        self._stopped = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.ensure_future(invocation.run_in_thread(self._drain))
        self._task.add_done_callback(lambda _task: self._queue.put_nowait(_END))

    async def items(self) -> AsyncIterator[Any]:
        while (item := await self._queue.get()) is not _END:
            self._room.release()
            yield item
        await self._task

    async def stop(self) -> None:
        """Ends the thread, which closes the iterator. Waits for the item it is working on."""
        self._stopped.set()
        self._room.release()
        while not self._task.done():
            try:
                await asyncio.wait([self._task])
            except asyncio.CancelledError:
                continue  # the thread cannot be stopped, and cleanup must not overtake it
        if not self._task.cancelled():
            self._task.exception()  # seen by the consumer, or of no interest any more

    def _drain(self) -> None:
        try:
            for item in self._iterator:
                self._room.acquire()
                if self._stopped.is_set():
                    return
                self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        finally:
            close = getattr(self._iterator, "close", None)
            if callable(close):
                close()


def _is_chunk(item: Any) -> bool:
    try:
        return hasattr(item, "is_final") and hasattr(item, "data")
    except Exception:  # noqa: BLE001 - foreign code; an object that cannot be asked is none
        return False


class ChunkWriter:
    """Numbers the chunks of one stream, and knows whether one was final."""

    def __init__(self, tool_name: str) -> None:
        self._tool_name = tool_name
        self._count = 0
        self.finished = False

    def make(self, item: Any) -> pb2.ToolChunk:
        """The next chunk. Raises EncodingError."""
        if not _is_chunk(item):
            return self._chunk(item, False, {})
        metadata = {
            str(key): str(value) for key, value in (getattr(item, "metadata", None) or {}).items()
        }
        return self._chunk(item.data, bool(item.is_final), metadata)

    def make_end(self) -> pb2.ToolChunk:
        """An empty last chunk, for a tool that marked none."""
        self.finished = True
        return pb2.ToolChunk(chunk_id=self._next_id(), is_final=True)

    def _chunk(self, data: Any, is_final: bool, metadata: dict[str, str]) -> pb2.ToolChunk:
        binary = is_binary(data)
        payload = bytes(data) if binary else encode_json(data)
        self.finished = self.finished or is_final
        return pb2.ToolChunk(
            chunk_id=self._next_id(),
            data=payload,
            is_final=is_final,
            metadata={**(BINARY_CHUNK if binary else {}), **metadata},
        )

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._tool_name}-{self._count}"
