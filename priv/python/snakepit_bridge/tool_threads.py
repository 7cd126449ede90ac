"""The threads in which tools run that are not `async`.

A hop costs little: one thread is woken for any number of jobs and wakes the next only when there is
more to do, and the event loop is woken once for all that has been finished meanwhile.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from queue import SimpleQueue
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from collections.abc import Callable

# Result and what was raised: a raised StopIteration would not survive futures and coroutines.
Outcome = tuple[Any, Optional[BaseException]]


class Job:
    """Work for a thread: a function of one argument, and who hears what became of it."""

    __slots__ = ("_claim", "argument", "done", "function")

    def __init__(
        self,
        function: Callable[[Any], Any],
        argument: Any,
        done: Callable[[Any, Any, BaseException | None], None],
    ) -> None:
        self.function = function
        self.argument = argument
        self.done = done
        # Whoever takes the one item decides: the thread that begins, or the loop that withdraws.
        self._claim = [contextvars.copy_context()]

    def claim(self) -> contextvars.Context | None:
        """The context to run in, for the first who asks. Any thread."""
        try:
            return self._claim.pop()
        except IndexError:
            return None


class ToolThreads:
    """Up to `limit` threads, made when a job finds none idle. Submit on the event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._loop: asyncio.AbstractEventLoop | None = None
        self._jobs: deque[Job] = deque()
        self._outstanding = 0
        self._threads = 0
        self._closed = False
        # A token wakes one thread. The flag says that one is on its way, or was taken by a thread
        # that has not looked for jobs yet; both are wrong only in the harmless direction.
        self._tokens: SimpleQueue[None] = SimpleQueue()
        self._token_is_out = False
        self._posted: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._delivery_is_due = False

    def submit(
        self,
        function: Callable[[Any], Any],
        argument: Any,
        done: Callable[[Any, Any, BaseException | None], None],
    ) -> Job:
        """Runs the function in a thread, in a copy of the current context, and then `done` on the event
        loop, with the argument, the result, and what was raised."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        job = Job(function, argument, done)
        self._outstanding += 1
        if self._outstanding > self._threads and self._threads < self._limit:
            self._threads += 1
            threading.Thread(target=self._run, name=f"snakepit-tool_{self._threads}").start()
        self._jobs.append(job)
        self._wake()
        return job

    def withdraw(self, job: Job) -> bool:
        """Takes back a job that no thread has begun; returns whether that was so. Its `done` is not
        called then."""
        if job.claim() is None:
            return False
        self._outstanding -= 1
        return True

    async def run(self, function: Callable[[], Any]) -> Outcome:
        """The function's outcome. Cancellation is raised only when it has returned or will never
        begin: a thread cannot be stopped, and what follows must not overtake it."""
        outcomes: list[Outcome] = []
        waiter: asyncio.Future[None] | None = None

        def done(_function: object, result: Any, error: BaseException | None) -> None:
            outcomes.append((result, error))
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

        job = self.submit(_call, function, done)
        cancelled: asyncio.CancelledError | None = None
        while not outcomes:
            waiter = asyncio.get_running_loop().create_future()
            try:
                await waiter
            except asyncio.CancelledError as error:
                if self.withdraw(job):
                    raise
                cancelled = error
        if cancelled is not None:
            forget(outcomes[0][0])
            raise cancelled
        return outcomes[0]

    def post(self, function: Callable[..., None], *arguments: Any) -> None:
        """Calls the function on the event loop, soon, in the order of the posts of each thread."""
        self._posted.append((function, arguments))
        if not self._delivery_is_due and self._loop is not None:
            self._delivery_is_due = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed, and nobody waits any more
                return

    def close(self) -> None:
        """Lets idle threads end; those at work end after their job."""
        self._closed = True
        for _ in range(self._threads):
            self._tokens.put(None)

    def _wake(self) -> None:
        if not self._token_is_out:
            self._token_is_out = True
            self._tokens.put(None)

    def _run(self) -> None:
        while True:
            self._tokens.get()
            self._token_is_out = False
            while not self._closed:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    break
                if self._jobs:
                    self._wake()  # this job may block; then somebody has to look after the rest
                context = job.claim()
                if context is None:
                    continue
                result, error = None, None
                try:
                    result = context.run(job.function, job.argument)
                except BaseException as raised:  # noqa: BLE001 - foreign code; it is answered, not swallowed
                    error = raised
                self.post(self._finish, job, result, error)
                # What a call leaves must not live until the next one.
                del job, context, result, error
            if self._closed:
                return

    def _deliver(self) -> None:
        self._delivery_is_due = False
        posted = self._posted
        while posted:
            function, arguments = posted.popleft()
            function(*arguments)

    def _finish(self, job: Job, result: Any, error: BaseException | None) -> None:
        self._outstanding -= 1
        job.done(job.argument, result, error)


def forget(result: object) -> None:
    """For a result that nobody wants: a coroutine that never begins would warn otherwise."""
    if isinstance(result, CoroutineType):
        result.close()


def _call(function: Callable[[], Any]) -> Any:
    return function()


def capture(function: Callable[[], Any]) -> Outcome:
    """Result or error as a value."""
    try:
        return function(), None
    except BaseException as error:  # noqa: BLE001 - foreign code; it is answered, not swallowed
        return None, error
