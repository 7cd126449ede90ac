"""Who connects to a fork server: known by one line that each connection begins with."""

from __future__ import annotations

import hmac
import os
import socket
import stat
import sys
import time
from typing import TYPE_CHECKING

from snakepit_bridge.server import MAX_SOCKET_PATH_BYTES, ListenError

from .requests import read_role

if TYPE_CHECKING:
    from collections.abc import Callable

    from .requests import ChannelHeader
    from .watch import Watch

HEADER_BYTES = 512  # its end included
HEADER_SECONDS = 5.0
MAX_UNKNOWN = 64
_BACKLOG = 4096
# After the system has refused a descriptor.
_PAUSE_SECONDS = 0.05
_CREDENTIALS_BYTES = 12


class _Unknown:
    """A connection that has not said what it is for."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self.connection = connection
        self.deadline = deadline
        self.header = bytearray()


class Reception:
    """Listens, and hands on every connection that says the token and what it is for.

    Takes `on_control` and `on_channel`, which own the connection then.
    """

    def __init__(
        self,
        watch: Watch,
        on_control: Callable[[socket.socket], None],
        on_channel: Callable[[ChannelHeader, socket.socket], None],
        has_room: Callable[[], bool],
    ) -> None:
        self._watch = watch
        self._on_control = on_control
        self._on_channel = on_channel
        self._has_room = has_room
        self._token = b""
        self._path = ""
        self._listener: socket.socket | None = None
        self._is_listening = False
        self._paused_until = 0.0
        self._unknown: dict[int, _Unknown] = {}

    def open(self, listen: str, token: str) -> str:
        """Listens on `unix:/path`; returns the address. Raises ListenError and OSError."""
        kind, _, path = listen.partition(":")
        if kind != "unix":
            raise ListenError(f"a fork server listens on unix:/path only, not on {listen!r}")
        length = len(os.fsencode(path))
        if length > MAX_SOCKET_PATH_BYTES:
            raise ListenError(
                f"the socket path {path!r} has {length} bytes; the system allows {MAX_SOCKET_PATH_BYTES}"
            )
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)  # private from the first instant
        try:
            listener.bind(path)
        except OSError as error:
            listener.close()
            raise ListenError(f"cannot listen on {listen}: {error.strerror}") from error
        finally:
            os.umask(mask)
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        self._listener, self._path, self._token = listener, path, token.encode("utf-8")
        self.arrange()
        return listen

    def is_open(self) -> bool:
        """Whether it listens, or has room for nobody right now."""
        return self._listener is not None

    def deadline(self) -> float | None:
        """When `arrange` is to be called next, on the clock of `time.monotonic`."""
        if self._paused_until:
            return self._paused_until
        return next((unknown.deadline for unknown in self._unknown.values()), None)

    def arrange(self) -> None:
        """Closes whoever has been silent for too long, and accepts others as long as there is room."""
        now = time.monotonic()
        for unknown in list(self._unknown.values()):
            if unknown.deadline > now:
                break  # they came one after the other
            self._dismiss(unknown)
        if self._paused_until <= now:
            self._paused_until = 0.0
        wanted = len(self._unknown) < MAX_UNKNOWN and self._has_room() and not self._paused_until
        if self._listener is None or wanted == self._is_listening:
            return
        self._is_listening = wanted
        if wanted:
            self._watch.add(self._listener.fileno(), self._accept)
        else:
            self._watch.remove(self._listener.fileno())

    def close(self) -> None:
        """Nobody can connect any more."""
        for unknown in list(self._unknown.values()):
            self._dismiss(unknown)
        listener, self._listener = self._listener, None
        if listener is not None:
            self._watch.remove(listener.fileno())
            listener.close()
            try:
                os.unlink(self._path)
            except OSError:
                return  # the runtime has done so

    def abandon(self) -> None:
        """In a fork: leaves every descriptor to whoever closes it by number."""
        for unknown in self._unknown.values():
            unknown.connection.detach()
        if self._listener is not None:
            self._listener.detach()

    def _accept(self, _events: int) -> None:
        assert self._listener is not None
        try:
            while len(self._unknown) < MAX_UNKNOWN:
                connection, _ = self._listener.accept()
                self._welcome(connection)
        except BlockingIOError:
            return
        except ConnectionError:
            return  # it has gone again
        except OSError:  # out of descriptors or memory
            self._paused_until = time.monotonic() + _PAUSE_SECONDS

    def _welcome(self, connection: socket.socket) -> None:
        if not _is_same_user(connection):
            connection.close()
            return
        unknown = _Unknown(connection, time.monotonic() + HEADER_SECONDS)
        self._unknown[connection.fileno()] = unknown
        self._watch.add(connection.fileno(), lambda _events: self._read(unknown))
        self._read(unknown)  # mostly the line is there already

    def _read(self, unknown: _Unknown) -> None:
        """Takes the header and not one byte more: what follows is for who is meant."""
        connection = unknown.connection
        room = HEADER_BYTES - len(unknown.header)
        try:
            seen = connection.recv(room, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            end = seen.find(b"\n") + 1
            taken = connection.recv(end or len(seen), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            self._dismiss(unknown)
            return
        unknown.header += taken
        if end:
            self._forget(unknown)
            self._hand_on(bytes(unknown.header[:-1]), connection)
        elif not seen or len(unknown.header) >= HEADER_BYTES:
            self._dismiss(unknown)

    def _hand_on(self, header: bytes, connection: socket.socket) -> None:
        token, *words = header.split(b" ")
        is_known = hmac.compare_digest(token, self._token)
        channel = read_role(words)
        if is_known and words == [b"control"]:
            self._on_control(connection)
        elif is_known and channel is not None:
            self._on_channel(channel, connection)
        else:
            connection.close()

    def _dismiss(self, unknown: _Unknown) -> None:
        self._forget(unknown)
        unknown.connection.close()

    def _forget(self, unknown: _Unknown) -> None:
        fd = unknown.connection.fileno()
        self._watch.remove(fd)
        del self._unknown[fd]


def _is_same_user(connection: socket.socket) -> bool:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True  # the permissions of the socket say so
    credentials = connection.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS_BYTES)
    user = int.from_bytes(credentials[4:8], sys.byteorder)
    return user == os.geteuid()
