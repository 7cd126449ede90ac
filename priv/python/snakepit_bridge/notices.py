"""Messages of our own go to stderr, which the runtime keeps for its errors; stdout is the adapter's."""

from __future__ import annotations

import sys


def notice(text: str) -> None:
    """Writes one message. A stderr that is closed, broken or absent is no reason to fail."""
    try:
        sys.stderr.write(f"snakepit: {text}\n")
    except (AttributeError, OSError, ValueError):
        return
