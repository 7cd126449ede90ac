"""A thread that waits for the parent's death and then ends the group."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from snakepit_bridge import exit_codes
from snakepit_bridge.notices import notice
from snakepit_bridge.process_group import die_with_group

if TYPE_CHECKING:
    from collections.abc import Callable


def start_parent_thread(wait_for_end: Callable[[int], None], parent: int) -> None:
    """Starts it; it ends with the process, or when the system lets nobody watch, which is reported."""
    threading.Thread(
        target=end_with_parent, args=[wait_for_end, parent], name="snakepit-parent", daemon=True
    ).start()


def end_with_parent(wait_for_end: Callable[[int], None], parent: int) -> None:
    """Ends the group when the wait is over."""
    try:
        wait_for_end(parent)
    except OSError as error:
        notice(f"cannot watch the parent process {parent}: {error}")
        return
    die_with_group(exit_codes.OK)
