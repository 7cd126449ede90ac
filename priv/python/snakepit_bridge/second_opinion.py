"""The platform's own way to tell of the runtime's death, for when lifeline and beat channel are lost:
a library may have closed every descriptor it did not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .notices import notice
from .platforms import load_platform

if TYPE_CHECKING:
    from .platforms import Platform
    from .termination import Termination


class SecondOpinion:
    """Armed after the other layers, and when this worker is ready: nothing waits for it."""

    def __init__(
        self, parent: int, termination: Termination, platform: Platform | None = None
    ) -> None:
        self._parent = parent
        self._termination = termination
        self._platform = platform or load_platform()

    def take_precautions(self) -> None:
        """What cannot be made up for once children exist. A system that refuses is reported."""
        try:
            self._platform.take_precautions()
        except (OSError, ValueError) as error:
            notice(f"without the platform's precautions: {error}")

    def is_loaded(self) -> bool:
        """Whether `load` has nothing to do, as in a fork whose server has done it."""
        return self._platform.is_loaded()

    def load(self) -> None:
        """The slow part; in any thread."""
        self._platform.load()

    def arm(self) -> None:
        """The quick part; in the main thread. Does not return if the parent is dead."""
        self._termination.watch_parent(self._parent, self._platform.DEATH_SIGNAL)
        try:
            self._platform.arm(self._parent)
        except OSError as error:
            notice(f"without the platform's word on the parent's death: {error}")
