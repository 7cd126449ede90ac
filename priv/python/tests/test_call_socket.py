"""The socket on which calls come: how long a worker stays awake for the next message."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from snakepit_bridge import call_socket
from snakepit_bridge.call_socket import Messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Play = Callable[["Scene"], Awaitable[None]]

A_MOMENT = 0.00001
"""Much less than a worker stays awake for, in seconds."""


class Clock:
    """Time that passes only when somebody says so, and a little with each look."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.each_look = 0.000001

    def __call__(self) -> float:
        self.now += self.each_look
        return self.now


class Scene:
    """Both ends of a socket, one of which is a worker's."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.runtime, self._worker = socket.socketpair()
        self._worker.setblocking(False)
        self.taken: list[tuple[bytes, int]] = []
        """Each message, and in which turn of the event loop it was taken."""
        self.looks = 0
        """How often the worker has looked for more by itself."""
        self.answer: Callable[[bytes], None] = lambda _message: None
        self.turn = 0
        self.messages = Messages(self)  # type: ignore[arg-type]
        self.messages.is_all_done = lambda: True
        self.messages.on_message = self._take

    def recv_into(self, buffer: memoryview) -> int:
        self.looks += 1
        return self._worker.recv_into(buffer)

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self.messages, sock=self._worker)
        self._count_turns()

    def send(self, message: bytes) -> None:
        self.runtime.sendall(b"\0" + len(message).to_bytes(4, "big") + message)

    async def until_taken(self, count: int) -> None:
        for _ in range(10_000):
            if len(self.taken) >= count:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{count} messages were not taken: {self.taken}")

    async def close(self) -> None:
        self._transport.abort()
        await self.messages.ended
        self.runtime.close()

    def _take(self, message: bytes) -> None:
        self.taken.append((message, self.turn))
        self.answer(message)

    def _count_turns(self) -> None:
        self.turn += 1
        asyncio.get_running_loop().call_soon(self._count_turns)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(call_socket, "monotonic", clock)
    return clock


def play(clock: Clock, act: Play) -> None:
    async def run() -> None:
        scene = Scene(clock)
        await scene.open()
        try:
            await act(scene)
        finally:
            await scene.close()

    asyncio.run(asyncio.wait_for(run(), 20))


async def begin_briskly(scene: Scene) -> None:
    """One message, so that the next, if it comes now, comes soon."""
    scene.send(b"at first")
    await scene.until_taken(1)
    scene.clock.now += A_MOMENT


class TestStaysAwake:
    """What follows at once is taken without a turn of the event loop."""

    def test_for_what_comes_soon(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            await begin_briskly(scene)
            scene.messages.is_all_done = lambda: len(scene.taken) < 3
            scene.answer = lambda message: scene.send(b"second") if message == b"first" else None
            scene.send(b"first")
            await scene.until_taken(3)
            (first, turn), (second, next_turn) = scene.taken[1:]
            assert (first, second) == (b"first", b"second")
            assert next_turn == turn

        play(clock, act)

    def test_no_longer_than_it_is_worth(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            await begin_briskly(scene)
            clock.each_look = A_MOMENT
            scene.looks = 0
            scene.send(b"the last")
            await scene.until_taken(2)
            assert 1 < scene.looks <= 11
            # It was in vain, and the next one comes late: that is the rule now.
            scene.looks, clock.now = 0, clock.now + 1
            scene.send(b"much later")
            await scene.until_taken(3)
            assert scene.looks == 0

        play(clock, act)

    def test_and_lets_others_have_their_turn(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            await begin_briskly(scene)
            clock.each_look = 0.00005

            def answer(_message: bytes) -> None:
                if len(scene.taken) < 200:
                    scene.send(b"more")

            scene.answer = answer
            scene.send(b"more")
            await scene.until_taken(200)
            turns = {turn for _, turn in scene.taken}
            # A millisecond at once, by this clock: no more than twenty messages.
            assert 10 <= len(turns) < 100

        play(clock, act)

    def test_not_while_somebody_works_on_what_came(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            scene.messages.is_all_done = lambda: False
            await begin_briskly(scene)
            scene.send(b"next")
            await scene.until_taken(2)
            assert scene.looks == 0

        play(clock, act)

    def test_not_while_the_runtime_has_yet_to_read(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            await begin_briskly(scene)
            clock.each_look = A_MOMENT
            scene.answer = lambda _message: scene.messages.put(bytes(8 * 1024 * 1024))
            scene.send(b"much")
            await scene.until_taken(2)
            assert scene.looks == 1

        play(clock, act)

    def test_and_sees_the_end(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            await begin_briskly(scene)
            scene.answer = lambda _message: scene.runtime.close()
            scene.send(b"the last")
            await scene.messages.ended
            assert [message for message, _ in scene.taken[1:]] == [b"the last"]
            assert scene.looks == 1  # nothing comes after the end

        play(clock, act)

    def test_and_goes_on_with_what_comes_in_parts(self, clock: Clock) -> None:
        async def act(scene: Scene) -> None:
            await begin_briskly(scene)
            parts: list[bytes] = [b"\0\0\0\0\x06par", b"ts"]

            def answer(message: bytes) -> None:
                if message == b"first":
                    scene.runtime.sendall(parts.pop(0))

            def look(buffer: memoryview) -> int:
                if len(parts) == 1:
                    scene.runtime.sendall(b"t" + parts.pop())
                return scene._worker.recv_into(buffer)

            scene.messages._receive = look  # type: ignore[assignment]
            scene.answer = answer
            scene.send(b"first")
            await scene.until_taken(3)
            assert scene.taken[2][0] == b"partts"

        play(clock, act)
