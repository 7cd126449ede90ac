"""The sessions this worker was told about. The runtime owns sessions; this is a bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SESSIONS = 10_000
MAX_METADATA_BYTES = 64 * 1024


class MetadataTooLargeError(ValueError):
    """A session brought more metadata than this worker keeps."""


class Session(NamedTuple):
    """One session."""

    metadata: dict[str, str]
    created_at: float  # seconds since the Unix epoch


class Sessions:
    """Sessions by id; the one unused for longest makes room."""

    def __init__(self, limit: int = MAX_SESSIONS) -> None:
        self._limit = limit
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, session_id: str, metadata: Mapping[str, str]) -> None:
        """Creates a session; one that exists keeps its age, and takes the metadata if there is any.

        Raises MetadataTooLargeError.
        """
        size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
        if size > MAX_METADATA_BYTES:
            raise MetadataTooLargeError(
                f"the metadata of session {session_id[:200]!r} has {size} bytes; "
                f"{MAX_METADATA_BYTES} are allowed"
            )
        known = self.find(session_id)
        if known is None:
            self._sessions[session_id] = Session(dict(metadata), time.time())
        elif metadata:
            self._sessions[session_id] = Session(dict(metadata), known.created_at)
        if len(self._sessions) > self._limit:
            self._sessions.popitem(last=False)

    def find(self, session_id: str) -> Session | None:
        """The session, marked as used."""
        session = self._sessions.get(session_id)
        if session is not None:
            self._sessions.move_to_end(session_id)
        return session

    def close(self, session_id: str) -> bool:
        """Forgets a session; returns whether there was one."""
        return self._sessions.pop(session_id, None) is not None
