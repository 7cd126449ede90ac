"""What differs between operating systems, one module each, imported only where it applies.

Each module has the four functions and the constant of `Platform`. None of them is needed in the
first moments: the lifeline and the beat channel are armed before any of this is imported.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Protocol, cast

_MODULES = ("linux", "darwin", "win32")


class Platform(Protocol):
    """The platform's second opinion on whether the runtime lives."""

    DEATH_SIGNAL: int | None
    """The signal that tells of the parent's death; its handler has to be there before `arm`."""

    def take_precautions(self) -> None:
        """What has to be done before this worker starts any process. Raises OSError."""

    def is_loaded(self) -> bool:
        """Whether `load` would be quick."""

    def load(self) -> None:
        """Imports what `arm` needs and what is slow. Any thread."""

    def arm(self, parent: int) -> None:
        """From now on the death of the process `parent` ends this worker's group; at once when it
        is dead already. In the main thread, after `load`. Raises OSError."""

    def wait_for_end(self, parent: int) -> None:
        """Returns when the process `parent` has ended. Any thread. Raises OSError when that cannot
        be seen on this system."""


def load_platform(name: str = sys.platform) -> Platform:
    """The module of the system `name`; what every POSIX system has where there is none."""
    module: Any = import_module(f".{name if name in _MODULES else 'posix'}", __name__)
    return cast("Platform", module)
