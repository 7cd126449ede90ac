"""The first moments of a fork, in which it stops being the server and becomes a worker.

First comes what guarantees that it never outlives runtime and server, as in `bootstrap`. The worker's own
bootstrap does part of it once more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from snakepit_bridge import __main__ as worker
from snakepit_bridge import exit_codes, lifeline
from snakepit_bridge.beats import encode_line
from snakepit_bridge.notices import notice
from snakepit_bridge.process_group import die_with_group

from .requests import BEATS, CALLS, LIFELINE, STDERR, STDOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .environment_block import EnvironmentBlock
    from .requests import ForkRequest

_NUMBERS = {STDOUT: 1, STDERR: 2, BEATS: 3, LIFELINE: 4, CALLS: 5}
_TETHER = 6
_COMM_BYTES = 15


class Tether:
    """A pipe into which only the server could write, and nobody does: its end is the server's."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def arm(self) -> int | None:
        """In a fork that leads its group: from now on the kernel ends the group with the server. The
        descriptor, by which it does so; None where another layer has to."""
        os.close(self._writer)
        if sys.platform != "linux":
            return None
        try:
            # Opened anew: what is armed belongs to all who share a description.
            own = os.open(f"/proc/self/fd/{self._reader}", os.O_RDONLY | os.O_NONBLOCK)
        except OSError:  # no /proc
            return None
        lifeline.arm(own)
        return own


class Birth(NamedTuple):
    """What a fork is born with."""

    request: ForkRequest
    channels: Mapping[str, int]
    """Descriptors of its connections, by role."""
    server: int
    directory: str
    """Where the server works."""
    tether: Tether
    arms_lifeline: bool
    block: EnvironmentBlock | None


def be_born(birth: Birth, forget_server: Callable[[], None]) -> None:
    """Makes this process the worker that was asked for. Does not return when that cannot be."""
    try:
        tether = _secure(birth)
        forget_server()
        _place_descriptors(birth.channels, tether)
        _set_environment(birth)
        _show_name(birth)
        _enter_directory(birth.request.cwd, birth.directory)
        _reseed()
        _tell_of_itself()
        _become_program(birth.request)
    except BaseException:  # noqa: BLE001 - whatever it is, this process must not go on as the server
        notice(f"a fork cannot become a worker\n{traceback.format_exc()}")
        die_with_group(exit_codes.UNCAUGHT)


def _secure(birth: Birth) -> int | None:
    os.setsid()
    if birth.arms_lifeline:
        lifeline.arm(birth.channels[LIFELINE])
    tether = birth.tether.arm()
    if os.getppid() != birth.server:
        die_with_group(exit_codes.OK)
    return tether


def _place_descriptors(channels: Mapping[str, int], tether: int | None) -> None:
    """Each where a worker expects it; all others are closed."""
    wanted = {_NUMBERS[role]: fd for role, fd in channels.items()}
    wanted[0] = os.open(os.devnull, os.O_RDWR)
    if tether is not None:
        wanted[_TETHER] = tether
    # First out of each other's way.
    lifted = {number: _lift(fd) for number, fd in wanted.items()}
    for number, fd in lifted.items():
        # The lifeline and the call socket are inherited by no program; nor is the tether.
        os.dup2(fd, number, inheritable=number <= 2)
    _close_all_but(wanted)
    for number in wanted:
        if number not in (_NUMBERS[LIFELINE], _TETHER):
            os.set_blocking(number, True)


def _lift(fd: int) -> int:
    return fd if fd > _TETHER else fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _TETHER + 1)


def _close_all_but(kept: Mapping[int, int]) -> None:
    try:
        numbers = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        numbers = list(range(os.sysconf("SC_OPEN_MAX")))
    for number in numbers:
        if number not in kept:
            try:
                os.close(number)
            except OSError:  # that of the listing
                continue


def _set_environment(birth: Birth) -> None:
    request = birth.request
    for name, value in request.env.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    os.environ["SNAKEPIT_PARENT_PID"] = str(birth.server)
    for name, role in (("BEAT", BEATS), ("LIFELINE", LIFELINE), ("CALLS", CALLS)):
        if role in birth.channels:
            os.environ[f"SNAKEPIT_{name}_FD"] = str(_NUMBERS[role])
    if "TZ" in request.env:
        time.tzset()


def _show_name(birth: Birth) -> None:
    """What others see of this process. Without it the worker works as well."""
    label = os.environ.get("SNAKEPIT_WORKER", "")
    with contextlib.suppress(OSError):
        if label and birth.block is not None and not birth.block.name_worker(label):
            notice(f"the worker's label {label!r} is too long to be shown")
        worker = label.split("/")[-2] if label.count("/") else label
        with open("/proc/self/comm", "wb") as file:
            file.write(os.fsencode(worker)[:_COMM_BYTES])


def _enter_directory(cwd: str, previous: str) -> None:
    try:
        os.chdir(cwd)
    except OSError as error:
        _fail(f"cannot work in the directory {cwd}: {error.strerror}")
    # As for a program that starts there.
    if sys.path and sys.path[0] == previous:
        sys.path[0] = os.getcwd()


def _fail(message: str) -> NoReturn:
    line = {"type": "failed", "code": "ENVIRONMENT", "message": message, "traceback": None}
    with contextlib.suppress(OSError):
        os.write(_NUMBERS[BEATS], encode_line(line))
        # The runtime's first message, or its end: see BeatChannel.await_hello.
        os.read(_NUMBERS[BEATS], 1)
    notice(f"ENVIRONMENT: {message}")
    die_with_group(exit_codes.MISCONFIGURED)


def _reseed() -> None:
    """Two workers must not draw the same numbers. Python's own `random` sees to itself."""
    numbers = sys.modules.get("numpy.random")
    if numbers is not None:
        numbers.seed()


def _tell_of_itself() -> None:
    """Its events are those of a worker, not of a child that one has forked."""
    from snakepit_bridge.telemetry import outbox

    outbox.begin_anew()


def _become_program(request: ForkRequest) -> None:
    """What others ask of the running program is that of a worker."""
    sys.modules["__main__"] = worker
    sys.argv[:] = [str(worker.__file__), *request.argv]
