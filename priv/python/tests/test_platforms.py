"""The platform's second opinion: Linux for real, the others with their system calls faked."""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from snakepit_bridge import exit_codes, second_opinion
from snakepit_bridge.bootstrap import parent_to_watch
from snakepit_bridge.platforms import darwin, linux, load_platform, parent_thread, posix, win32
from snakepit_bridge.second_opinion import SecondOpinion
from snakepit_bridge.termination import Termination

from .harness import LIMIT_SECONDS, wait_until, worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PARENT = 4711


class Died(Exception):  # noqa: N818
    """Instead of the end of this process."""


@pytest.fixture
def death(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody dies: `die_with_group` raises."""

    def die(code: int) -> None:
        raise Died(code)

    for module in (linux, parent_thread):
        monkeypatch.setattr(module, "die_with_group", die)


@pytest.fixture
def notices(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    for module in (second_opinion, parent_thread):
        monkeypatch.setattr(module, "notice", texts.append)
    return texts


def has_parents(monkeypatch: pytest.MonkeyPatch, *parents: int) -> None:
    """What `getppid` answers, one after the other, the last one for ever."""
    left = list(parents)
    monkeypatch.setattr(os, "getppid", lambda: left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.parametrize(
    ("name", "module"),
    [("linux", linux), ("darwin", darwin), ("win32", win32), ("freebsd14", posix)],
)
def test_module_of_a_platform(name: str, module: object) -> None:
    """[R3.5] Every system has its module, unknown ones what all POSIX systems have."""
    assert load_platform(name) is module


class TestLinux:
    """[R3.4] [R3.5] [T2.1]"""

    def test_asks_for_a_signal_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Never SIGKILL: it would disarm the lifeline before that can end the children. Nor SIGTERM,
        which would do the same once a library gives it back its default."""
        asked: list[tuple[int, int]] = []
        has_parents(monkeypatch, PARENT)
        linux.arm(PARENT, lambda *option: asked.append(option) or 0)  # type: ignore[func-returns-value]
        assert asked == [(1, linux.DEATH_SIGNAL)]
        assert linux.DEATH_SIGNAL not in (signal.SIGKILL, signal.SIGTERM)

    def test_parent_dead_before(self, monkeypatch: pytest.MonkeyPatch, death: None) -> None:
        """A parent that died before we asked sends no signal: looking again finds that out."""
        has_parents(monkeypatch, 1)
        with pytest.raises(Died, match=str(exit_codes.OK)):
            linux.arm(PARENT, lambda *_: 0)

    def test_refusal_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        has_parents(monkeypatch, PARENT)
        with pytest.raises(OSError, match="PR_SET_PDEATHSIG"):
            linux.arm(PARENT, lambda *_: -1)

    def test_real_signal(self) -> None:
        """The kernel really sends it: the program reports the signal of its parent's death."""
        program = (
            "import os, signal, sys\n"
            "from snakepit_bridge.platforms import linux\n"
            "signal.signal(linux.DEATH_SIGNAL, lambda *_: (print('told', flush=True), os._exit(0)))\n"
            "linux.arm(os.getppid())\n"
            "print('armed', flush=True)\n"
            "signal.pause()\n"
        )
        parent = (
            "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]]);"
            "time.sleep(1000)"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", parent, program],
            env=worker_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "armed\n"
            process.kill()
            assert process.stdout.readline() == "told\n"
        finally:
            process.kill()
            process.communicate()

    @pytest.mark.parametrize(
        ("before", "after"), [("0", "300"), ("-500\n", "-200"), ("900", "1000")]
    )
    def test_memory_score(self, tmp_path: Path, before: str, after: str) -> None:
        """Workers are offered to the kernel before their runtime; what was set before counts."""
        file = tmp_path / "oom_score_adj"
        file.write_text(before)
        linux.take_precautions(str(file))
        assert file.read_text().strip() == after

    def test_memory_score_of_a_process(self) -> None:
        """No privilege is needed to raise it."""
        program = (
            "import ctypes, os; from snakepit_bridge.platforms import linux\n"
            "os.getuid() == 0 and os.setuid(65534)\n"
            "ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # readable again, as after an exec\n"
            "read = lambda: int(open('/proc/self/oom_score_adj').read())\n"
            "before = read(); linux.take_precautions(); print(before, read())"
        )
        result = subprocess.run(
            [sys.executable, "-c", program],
            env=worker_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=LIMIT_SECONDS,
        )
        before, after = map(int, result.stdout.split())
        assert after == min(before + 300, 1000)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that plays the parent."""
    process = subprocess.Popen(["sleep", "1000"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Waiting:
    """A wait for the parent's end, in a thread."""

    def __init__(self, wait_for_end: Callable[[int], None], parent: int) -> None:
        self._thread = threading.Thread(target=wait_for_end, args=[parent], daemon=True)
        self._thread.start()

    def is_over(self) -> bool:
        return not self._thread.is_alive()


def answer_by(sleeper: subprocess.Popen[bytes]) -> int:
    """What `getppid` would say if the sleeper were our parent: a zombie is none."""
    with open(f"/proc/{sleeper.pid}/stat", "rb") as file:
        return 1 if b") Z" in file.read() else sleeper.pid


class TestWaitingOnLinux:
    """[R3.4]"""

    @pytest.fixture(autouse=True)
    def parent(self, monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]) -> None:
        monkeypatch.setattr(os, "getppid", lambda: answer_by(sleeper))

    def test_descriptor_tells(
        self, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The end is told by the descriptor, though nobody reaps the parent; not by looking twice
        a second, which is switched off here."""
        monkeypatch.setattr(posix, "POLL_SECONDS", 1000)
        waiting = Waiting(linux.wait_for_end, sleeper.pid)
        wait_until(lambda: pidfds() != [], "the descriptor is open")
        assert not waiting.is_over()
        sleeper.kill()
        wait_until(waiting.is_over, "the end is seen")

    def test_without_descriptors(
        self, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A kernel that has or allows none: looking does it."""

        def refuse(_pid: int) -> int:
            raise OSError(errno.EPERM, "not allowed")

        monkeypatch.setattr(os, "pidfd_open", refuse)
        waiting = Waiting(linux.wait_for_end, sleeper.pid)
        sleeper.kill()
        wait_until(waiting.is_over, "the end is seen")

    def test_descriptor_of_somebody_else(
        self, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A library that puts an ended pipe in the descriptor's place ends nobody."""
        ended, writer = os.pipe()
        os.close(writer)
        monkeypatch.setattr(os, "pidfd_open", lambda _pid: ended)
        monkeypatch.setattr(posix, "POLL_SECONDS", 0.001)
        looks: list[int] = []

        def look() -> int:
            looks.append(answer_by(sleeper))
            return looks[-1]

        monkeypatch.setattr(os, "getppid", look)
        waiting = Waiting(linux.wait_for_end, sleeper.pid)
        wait_until(lambda: len(looks) > 100, "it falls back to looking")
        assert not waiting.is_over()
        sleeper.kill()
        wait_until(waiting.is_over, "the end is seen")
        os.close(ended)

    def test_nobody_of_that_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A number without a process has ended."""

        def miss(_pid: int) -> int:
            raise ProcessLookupError

        monkeypatch.setattr(os, "pidfd_open", miss)
        linux.wait_for_end(PARENT)


def pidfds() -> list[str]:
    """Descriptors of processes that this one has open."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if "pidfd" in target:
            found.append(name)
    return found


class FakeKqueue:
    """An event queue that reports what it is given."""

    def __init__(self, on_register: object, events: list[Any] | OSError) -> None:
        self._on_register = on_register
        self._events = events
        self.registered: list[Any] = []

    def control(self, changes: list[Any] | None, limit: int) -> list[Any]:
        if changes is not None:
            self.registered += changes
            if isinstance(self._on_register, OSError):
                raise self._on_register
            return []
        assert limit == 1
        if isinstance(self._events, OSError):
            raise self._events
        return self._events


class FakeEvent:
    """As `select.kevent`."""

    def __init__(self, ident: int, **fields: int) -> None:
        self.ident = ident
        self.fields = fields


class TestDarwin:
    """[R3.4] [R3.5] [T2.1]"""

    CONSTANTS = ("KQ_FILTER_PROC", "KQ_EV_ADD", "KQ_EV_ONESHOT", "KQ_NOTE_EXIT")

    def install(self, monkeypatch: pytest.MonkeyPatch, queue: FakeKqueue) -> None:
        for number, name in enumerate(self.CONSTANTS):
            monkeypatch.setattr(select, name, 1 << number, raising=False)
        monkeypatch.setattr(select, "kevent", FakeEvent, raising=False)
        monkeypatch.setattr(select, "kqueue", lambda: queue, raising=False)

    def polls(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        naps: list[float] = []
        monkeypatch.setattr(time, "sleep", naps.append)
        return naps

    def test_exit_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It asks for the exit of the told parent, once, and sleeps until that comes."""
        queue = FakeKqueue(None, [FakeEvent(PARENT)])
        self.install(monkeypatch, queue)
        has_parents(monkeypatch, PARENT)
        naps = self.polls(monkeypatch)
        darwin.wait_for_end(PARENT)
        (event,) = queue.registered
        assert (event.ident, event.fields) == (PARENT, {"filter": 1, "flags": 2 | 4, "fflags": 8})
        assert naps == []

    def test_dead_already(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """ESRCH at registering: there is no such process any more."""
        self.install(monkeypatch, FakeKqueue(ProcessLookupError(), OSError("never asked")))
        has_parents(monkeypatch, PARENT)
        darwin.wait_for_end(PARENT)

    def test_number_with_a_new_owner(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Registered for a stranger: our parent is another by then."""
        self.install(monkeypatch, FakeKqueue(None, OSError("never asked")))
        has_parents(monkeypatch, 1)
        darwin.wait_for_end(PARENT)

    def test_lost_queue(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A library that closes the queue does not end us: we look twice a second."""
        self.install(monkeypatch, FakeKqueue(None, OSError(errno.EBADF, "closed")))
        has_parents(monkeypatch, PARENT, PARENT, PARENT, 1)
        naps = self.polls(monkeypatch)
        darwin.wait_for_end(PARENT)
        assert naps == [0.5, 0.5]

    def test_arming_ends_the_group(self, monkeypatch: pytest.MonkeyPatch, death: None) -> None:
        """When the wait is over, the group ends with status 0."""
        self.install(monkeypatch, FakeKqueue(ProcessLookupError(), []))
        has_parents(monkeypatch, PARENT)
        with pytest.raises(Died, match="0"):
            parent_thread.end_with_parent(darwin.wait_for_end, PARENT)


class FakeKernel32:
    """Windows with one other process, whose number is PARENT."""

    OURS = 1

    def __init__(self, parent_created: int = 50, wait_answer: int = 0, open_error: int = 0) -> None:
        self.calls: list[str] = []
        self.limit_flags = 0
        self.in_job = 0
        self.refuses = ""
        self._created = {self.OURS: 100, PARENT: parent_created}
        self._wait_answer = wait_answer
        self._open_error = open_error

    def CreateJobObjectW(self, attributes: None, name: None) -> int:  # noqa: N802
        return 0 if self.refuses == "create" else 77

    def SetInformationJobObject(  # noqa: N802
        self, job: int, kind: int, limits: Any, size: int
    ) -> int:
        assert (job, kind) == (77, 9)
        assert size == ctypes.sizeof(win32.JobLimits)
        self.limit_flags = limits._obj.basic.limit_flags
        return int(self.refuses != "set")

    def AssignProcessToJobObject(self, job: int, process: int) -> int:  # noqa: N802
        assert self.limit_flags, "the limits come first"
        self.in_job = process
        return int(self.refuses != "assign")

    def GetCurrentProcess(self) -> int:  # noqa: N802
        return self.OURS

    def GetLastError(self) -> int:  # noqa: N802
        return self._open_error or 5

    def OpenProcess(self, access: int, inherit: bool, pid: int) -> int:  # noqa: N802
        assert (access, inherit) == (0x101000, False)
        return 0 if self._open_error else pid

    def GetProcessTimes(self, process: int, created: Any, *_: Any) -> int:  # noqa: N802
        created._obj.value = self._created[process]
        return 1

    def WaitForSingleObject(self, process: int, milliseconds: int) -> int:  # noqa: N802
        assert milliseconds == 0xFFFFFFFF
        self.calls.append(f"wait {process}")
        return self._wait_answer

    def CloseHandle(self, handle: int) -> None:  # noqa: N802
        self.calls.append(f"close {handle}")


class TestWindows:
    """[R3.4] [R3.5] [T2.1] [T2.2]"""

    def test_own_job(self) -> None:
        """Its children are in a job that the kernel kills when this process is gone."""
        kernel = FakeKernel32()
        win32.take_precautions(kernel)
        assert (kernel.limit_flags, kernel.in_job) == (0x2000, FakeKernel32.OURS)
        assert kernel.calls == []  # the handle stays open

    @pytest.mark.skipif(sys.maxsize < 2**32, reason="the sizes are those of 64 bits")
    def test_layout(self) -> None:
        """The structure is as wide as Windows expects it."""
        assert ctypes.sizeof(win32.JobLimits) == 144
        assert win32.JobLimits.io_counters.offset == 64

    @pytest.mark.parametrize("step", ["create", "set", "assign"])
    def test_job_refused(self, step: str, notices: list[str]) -> None:
        """A refusal is reported, and the worker goes on."""
        kernel = FakeKernel32()
        kernel.refuses = step
        with pytest.raises(OSError, match="Windows error 5"):
            win32.take_precautions(kernel)

    def test_end_is_told(self) -> None:
        """It sleeps on the handle of the parent, and closes it."""
        kernel = FakeKernel32()
        win32.wait_for_end(PARENT, kernel)
        assert kernel.calls == [f"wait {PARENT}", f"close {PARENT}"]

    def test_number_with_a_new_owner(self) -> None:
        """A process younger than this one cannot be its parent."""
        kernel = FakeKernel32(parent_created=101)
        win32.wait_for_end(PARENT, kernel)
        assert kernel.calls == [f"close {PARENT}"]

    def test_dead_already(self) -> None:
        """Nobody has the number any more."""
        win32.wait_for_end(PARENT, FakeKernel32(open_error=87))

    def test_not_allowed(self, notices: list[str], death: None) -> None:
        """Who may not watch the parent says so, and lives."""
        for kernel in (FakeKernel32(open_error=5), FakeKernel32(wait_answer=0xFFFFFFFF)):
            parent_thread.end_with_parent(
                lambda parent, kernel=kernel: win32.wait_for_end(parent, kernel),  # type: ignore[misc]
                PARENT,
            )
        assert len(notices) == 2
        assert all("cannot watch the parent process 4711" in text for text in notices)

    def test_reading_waits_apart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A pipe is asked what it has, because a blocking read would block the writers."""
        naps: list[float] = []
        monkeypatch.setattr(time, "sleep", naps.append)
        answers = iter([0, 0, 12])
        win32.wait_readable(3, lambda: next(answers))
        assert len(naps) == 2

        def broken() -> int:
            raise BrokenPipeError

        win32.wait_readable(3, broken)


class RefusingPlatform:
    """A platform that refuses everything."""

    DEATH_SIGNAL: int | None = None

    def take_precautions(self) -> None:
        raise OSError("no")

    def is_loaded(self) -> bool:
        return False

    def load(self) -> None:
        return

    def arm(self, parent: int) -> None:
        raise OSError("no")

    def wait_for_end(self, parent: int) -> None:
        return


def test_refusals_are_reported(notices: list[str]) -> None:
    """[R3.4] A system that refuses an opinion is reported; the other layers remain."""
    opinion = SecondOpinion(PARENT, Termination(), RefusingPlatform())
    opinion.take_precautions()
    opinion.load()
    opinion.arm()
    assert len(notices) == 2


@pytest.mark.parametrize(("now", "watched"), [(PARENT, PARENT), (1, PARENT), (0, 0)])
def test_parent_to_watch(monkeypatch: pytest.MonkeyPatch, now: int, watched: int) -> None:
    """[R3.4] It is the parent we were told that is watched, not who has adopted us since; nobody
    where the parent is outside our pid namespace."""
    has_parents(monkeypatch, now)
    assert parent_to_watch(PARENT) == watched


def test_platforms_import_nothing_of_each_other() -> None:
    """[R3.5] A worker imports its own platform only."""
    program = (
        "import sys, snakepit_bridge.second_opinion as s; s.load_platform();"
        "print([m for m in sys.modules if m.startswith('snakepit_bridge.platforms.')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=worker_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_SECONDS,
    )
    assert "darwin" not in result.stdout
    assert "win32" not in result.stdout
    assert importlib.import_module("snakepit_bridge.platforms.linux") is linux
