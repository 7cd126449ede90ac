"""Turns whatever a streaming tool returned into chunks, no faster than the caller takes them."""

from __future__ import annotations

import asyncio
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from .invocation import PLAIN, blame, finish

if TYPE_CHECKING:
    from collections.abc import Callable

    from .serialization import Buffer
    from .session_context import SessionContext


class Chunk(NamedTuple):
    """One piece of a stream, ready to be sent."""

    json: bytes
    attachments: list[Buffer]
    is_final: bool
    metadata: dict[str, str]


def is_stream(value: object) -> bool:
    """Whether a tool's result has to be iterated to be received."""
    return is_async_iterator(value) or is_iterator(value)


def is_async_iterator(value: object) -> bool:
    """Whether it is iterated on the event loop."""
    # As Python itself does: special methods belong to the type, and an object may answer anything.
    return hasattr(type(value), "__anext__")


def is_iterator(value: object) -> bool:
    """Whether it is iterated in a thread."""
    return hasattr(type(value), "__next__")


class Credit:
    """How many chunks may still be sent. Granted on the event loop; taken there or in one thread."""

    def __init__(self, chunks: int) -> None:
        self._left = chunks
        self._waiter: asyncio.Future[None] | None = None
        # A thread takes all there is at once, and waits here without asking again and again.
        self._for_thread: SimpleQueue[int] | None = None

    def use_thread(self) -> None:
        """From now on a thread takes. On the event loop, before the thread begins."""
        self._for_thread = SimpleQueue()
        self._for_thread.put(self._left)
        self._left = 0

    def use_loop(self) -> None:
        """From now on the loop takes: the thread has ended without taking anything."""
        queue, self._for_thread = self._for_thread, None
        while queue is not None and not queue.empty():
            self._left += queue.get_nowait()

    def grant(self, chunks: int) -> None:
        """So many more."""
        if self._for_thread is not None:
            self._for_thread.put(chunks)
            return
        self._left += chunks
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self, session: SessionContext) -> None:
        """One, as soon as there is one. Raises CancelledError when the caller has given up, also when
        the tool has taken no notice of that."""
        while self._left <= 0 and not session.cancelled:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if session.cancelled:
            raise asyncio.CancelledError
        self._left -= 1

    def take_in_thread(self, session: SessionContext) -> bool:
        """One, as soon as there is one; False when the caller has given up."""
        assert self._for_thread is not None
        while self._left <= 0 and not session.cancelled:
            self._left += self._for_thread.get()
        self._left -= 1
        return not session.cancelled


async def drain(
    result: Any, credit: Credit, session: SessionContext, send: Callable[[Any], None]
) -> None:
    """Sends the items of an iterator, or the one value itself, from the event loop.

    The iterator is closed at the end, also when this is cancelled. Raises ToolRaised for what it
    raises, and what `send` raises.
    """
    if is_async_iterator(result):
        await _drain_async(result, credit, session, send)
        return
    items = result if is_iterator(result) else iter((result,))
    try:
        while True:
            await credit.take(session)
            try:
                item = next(items)
            except StopIteration:
                return
            except BaseException as error:
                raise blame(error, session) from error
            send(item)
            await asyncio.sleep(0)  # others have their turn between two items
    finally:
        _close(items)


async def _drain_async(
    iterator: Any, credit: Credit, session: SessionContext, send: Callable[[Any], None]
) -> None:
    # No queue: the next item is asked for when there is room for it.
    try:
        while True:
            await credit.take(session)
            try:
                item = await iterator.__anext__()
            except StopAsyncIteration:
                return
            except BaseException as error:
                raise blame(error, session) from error
            send(item)
    finally:
        if hasattr(iterator, "aclose"):
            await finish(iterator.aclose(), session)


def drain_in_thread(
    result: Any, credit: Credit, session: SessionContext, send: Callable[[Any], None]
) -> None:
    """The same from a thread, for what is no async iterator. Raises what the iterator raises."""
    items = result if is_iterator(result) else iter((result,))
    try:
        while credit.take_in_thread(session):
            try:
                item = next(items)
            except StopIteration:
                return
            send(item)
    finally:
        _close(items)


def _close(iterator: Any) -> None:
    close = getattr(iterator, "close", None)
    if callable(close):
        close()


def read_item(item: Any) -> tuple[Any, bool, dict[str, str]]:
    """Value, end and metadata of a yielded value, or of a chunk object that decides these itself."""
    if type(item) in PLAIN or not _is_chunk(item):
        return item, False, {}
    metadata = {
        str(key): str(value) for key, value in (getattr(item, "metadata", None) or {}).items()
    }
    return item.data, bool(item.is_final), metadata


def _is_chunk(item: Any) -> bool:
    try:
        return hasattr(item, "is_final") and hasattr(item, "data")
    except Exception:  # noqa: BLE001 - foreign code; an object that cannot be asked is none
        return False
