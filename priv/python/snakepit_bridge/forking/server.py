"""The loop of a fork server: one thread, which waits for everything at once and never for one of them."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from snakepit_bridge import exit_codes
from snakepit_bridge.beats import die_of_protocol, parse_hello
from snakepit_bridge.notices import notice
from snakepit_bridge.process_group import die_with_group, read_start_time
from snakepit_bridge.server import ListenError
from snakepit_bridge.thread_modes import is_gil_enabled

from .children import Children
from .launches import MAX_LAUNCHES, Launch, Launches
from .line_peer import LinePeer
from .newborn import Birth, Tether, be_born
from .reception import Reception
from .requests import RequestError, read_fork, read_launch, read_message
from .watch import WRITE, Watch

if TYPE_CHECKING:
    import socket

    from .environment_block import EnvironmentBlock
    from .requests import ChannelHeader
    from .signals import CaughtSignals

_MAX_CONTROL_LINE_BYTES = 1024 * 1024
_FEATURES = ("fork",)
# For the server itself, and for connections that have not said what they are for.
_SPARED_DESCRIPTORS = 128
_MAX_CHANNELS = 4096


class Surroundings(NamedTuple):
    """What a server lives with."""

    beats: LinePeer
    signals: CaughtSignals
    block: EnvironmentBlock | None
    lifeline_armed: bool
    arms_lifelines: bool
    """Whether the kernel is to end the workers with the runtime."""
    ends_with_beats: bool
    adapter: str
    """What has become of the adapter that was to be imported before; empty when none was."""


class ForkServer:
    """Forks workers until it is asked to stop, and then ends with the last of them."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._pid = os.getpid()
        self._directory = _find_directory()
        self._watch = Watch()
        self._children = Children()
        self._launches = Launches()
        self._complete: deque[Launch] = deque()
        self._max_channels = _find_room()
        self._reception = Reception(
            self._watch, self._take_control, self._take_channel, self._has_room
        )
        self._control: LinePeer | None = None
        self._control_socket: socket.socket | None = None
        self._is_stopping = False
        self._is_born = False
        self._tether = Tether()
        self._watch.add(surroundings.beats.fd, self._hear_beats)
        self._watch.add(surroundings.signals.fd, self._hear_signals)

    def serve(self) -> bool:
        """Returns False when all is over, and True in each fork."""
        while not (self._is_stopping and self._children.count() == 0):
            self._watch.wait(self._patience())
            self._expire()
            if self._complete:
                self._fork(self._complete.popleft())
                if self._is_born:
                    return True
        if self._control is not None:
            self._control.finish()
        return False

    def _patience(self) -> float | None:
        """Seconds until something is due. One fork a turn, so that beats are answered meanwhile."""
        if self._complete:
            return 0.0
        due = [
            at for at in (self._reception.deadline(), self._launches.deadline()) if at is not None
        ]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _has_room(self) -> bool:
        waiting = sum(len(launch.channels) for launch in self._complete)
        return waiting + self._launches.count_channels() < self._max_channels

    def _expire(self) -> None:
        for launch in self._launches.take_late(time.monotonic()):
            if launch.request is not None:
                missing = ", ".join(sorted(launch.missing()))
                self._refuse(launch.number, "CHANNELS_LATE", f"no connection came for {missing}")
            launch.close()
        self._reception.arrange()

    def _hear_beats(self, events: int) -> None:
        beats = self._surroundings.beats
        if events & WRITE:
            beats.flush()
        try:
            lines = beats.receive()
            if lines is None:
                self._lose_beats()
                return
            for line in lines:
                self._answer(line)
        except (ValueError, TypeError, KeyError) as error:
            die_of_protocol(f"{type(error).__name__}: {error}")
        self._watch.change(beats.fd, beats.events())

    def _lose_beats(self) -> None:
        if self._surroundings.ends_with_beats:
            die_with_group(exit_codes.OK)
        self._watch.remove(self._surroundings.beats.fd)

    def _answer(self, line: bytes) -> None:
        message = read_message(line)
        kind = message["type"]
        if kind == "ping":
            self._surroundings.beats.send(self._pong(message["seq"]))
        elif kind == "hello":
            self._listen(message)
        elif kind == "stop":
            self._stop()
        # Other kinds come from a newer runtime, which works without our answer.

    def _pong(self, seq: Any) -> dict[str, Any]:
        return {
            "type": "pong",
            "seq": seq,
            "timestamp": int(time.time() * 1000),
            "inFlight": self._children.count(),
            "oldestCallMs": 0,
            "loopLagMs": 0,
        }

    def _listen(self, message: dict[str, Any]) -> None:
        if self._reception.is_open():
            return
        hello = parse_hello(message)
        beats = self._surroundings.beats
        try:
            address = self._reception.open(hello.listen, hello.token)
        except (ListenError, OSError) as error:
            text = str(error)
            notice(f"LISTEN: {text}")
            beats.send({"type": "failed", "code": "LISTEN", "message": text, "traceback": None})
            beats.finish()
            die_with_group(exit_codes.UNAVAILABLE)
        beats.send(
            {
                "type": "ready",
                "pid": self._pid,
                "startTime": read_start_time(),
                "address": address,
                "pythonVersion": platform.python_version(),
                "lifeline": self._surroundings.lifeline_armed,
                "features": list(_FEATURES),
                "gil": is_gil_enabled(),
                "tools": [],
                "adapter": self._surroundings.adapter,
            }
        )

    def _hear_signals(self, _events: int) -> None:
        if self._surroundings.signals.take():
            self._stop()
        for ended in self._children.reap():
            self._tell({"type": "ended", **ended._asdict()})

    def _take_control(self, connection: socket.socket) -> None:
        if self._control is not None or self._is_stopping:
            connection.close()
            return
        self._control_socket = connection
        self._control = LinePeer(connection.fileno(), _MAX_CONTROL_LINE_BYTES)
        self._watch.add(connection.fileno(), self._hear_control)

    def _hear_control(self, events: int) -> None:
        control = self._control
        if control is None:
            return
        if events & WRITE:
            control.flush()
        try:
            lines = control.receive()
            for line in lines or ():
                self._obey(line)
        except ValueError as error:
            notice(f"the control connection is broken: {error}")
            lines = None
        if lines is None:
            self._lose_control()
        else:
            self._watch.change(control.fd, control.events())

    def _lose_control(self) -> None:
        connection, self._control_socket, self._control = self._control_socket, None, None
        if connection is not None:
            self._watch.remove(connection.fileno())
            connection.close()
        self._stop()

    def _obey(self, line: bytes) -> None:
        message = read_message(line)
        if message["type"] == "fork":
            self._take_request(message)
        elif message["type"] == "cancel":
            self._cancel(read_launch(message))
        elif message["type"] == "stop":
            self._stop()
        # Other kinds come from a newer runtime, which works without our answer.

    def _take_request(self, message: dict[str, Any]) -> None:
        try:
            request = read_fork(message)
            if self._is_known(request.launch):
                raise RequestError("there is such a launch already")
            if self._launches.count() >= MAX_LAUNCHES:
                raise RequestError(f"{MAX_LAUNCHES} launches are waiting for their connections")
        except RequestError as error:
            self._refuse(read_launch(message), "BAD_REQUEST", str(error))
            return
        if self._is_stopping:
            self._refuse(request.launch, "STOPPING", "the fork server is asked to stop")
            return
        self._note(self._launches.add_request(request))

    def _is_known(self, number: int) -> bool:
        return (
            self._children.has(number)
            or self._launches.has_request(number)
            or any(launch.number == number for launch in self._complete)
        )

    def _take_channel(self, header: ChannelHeader, connection: socket.socket) -> None:
        if self._is_stopping:
            connection.close()
            return
        self._note(self._launches.add_channel(header, connection))

    def _note(self, launch: Launch | None) -> None:
        if launch is not None and launch.is_complete():
            self._launches.take(launch.number)
            self._complete.append(launch)

    def _cancel(self, number: int) -> None:
        launch = self._launches.take(number)
        for complete in self._complete:
            if complete.number == number:
                launch = complete
        if launch is None:
            return  # forked, or answered already
        if launch in self._complete:
            self._complete.remove(launch)
        launch.close()
        if launch.request is not None:
            self._refuse(number, "CANCELLED", "the launch was cancelled before its fork")

    def _stop(self) -> None:
        if self._is_stopping:
            return
        self._is_stopping = True
        self._reception.close()
        for launch in (*self._launches.take_all(), *self._complete):
            launch.close()
            if launch.request is not None:
                self._refuse(launch.number, "STOPPING", "the fork server is asked to stop")
        self._complete.clear()

    def _refuse(self, launch: int, code: str, message: str) -> None:
        self._tell({"type": "refused", "launch": launch, "code": code, "message": message})

    def _tell(self, message: dict[str, Any]) -> None:
        control = self._control
        if control is None:
            return
        control.send(message)
        self._watch.change(control.fd, control.events())

    def _fork(self, launch: Launch) -> None:
        """Forks one worker. `_is_born` is true in the fork."""
        assert launch.request is not None
        birth = Birth(
            request=launch.request,
            channels={role: connection.fileno() for role, connection in launch.channels.items()},
            server=self._pid,
            directory=self._directory,
            tether=self._tether,
            arms_lifeline=self._surroundings.arms_lifelines,
            block=self._surroundings.block,
        )
        with self._surroundings.signals.held():
            try:
                pid = os.fork()
            except OSError as error:
                launch.close()
                self._refuse(launch.number, "FORK_FAILED", str(error.strerror))
                return
            if pid == 0:
                self._is_born = True
                be_born(birth, lambda: self._abandon(launch))
                return
        self._children.add(pid, launch.number)
        launch.close()
        self._tell(
            {
                "type": "forked",
                "launch": launch.number,
                "pid": pid,
                "startTime": read_start_time(pid),
            }
        )

    def _abandon(self, launch: Launch) -> None:
        """In a fork: nothing of the server's is closed later, when its number may be somebody else's."""
        self._surroundings.signals.forget()
        self._reception.abandon()
        for other in (launch, *self._launches.take_all(), *self._complete):
            other.abandon()
        if self._control_socket is not None:
            self._control_socket.detach()


def _find_room() -> int:
    """How many connections of launches may be open at a time."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return _MAX_CHANNELS
    return min(_MAX_CHANNELS, max(_SPARED_DESCRIPTORS, limit - _SPARED_DESCRIPTORS))


def _find_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # removed
        return ""
