"""The safety layers that tests switch off, to prove that the others hold without them.

The runtime refuses unknown names before it starts a worker; a worker that is started by hand does it
here. Read before the lifeline is armed, so nothing is imported but what Python has loaded anyway.
"""

from __future__ import annotations

import os

VARIABLE = "SNAKEPIT_WITHOUT_LAYERS"

LIFELINE = "lifeline"  # the kernel kills the group when the runtime is gone
EOF = "eof"  # threads end the group at the end of the beat channel, or when nobody reads stdout
OPINION = "opinion"  # what the platform tells of the parent's death

# The runtime's own, which concern no worker.
_OF_THE_RUNTIME = ("record", "exit", "watchdog", "sweep")
_KNOWN = (LIFELINE, EOF, OPINION, *_OF_THE_RUNTIME)


def read_switched_off() -> frozenset[str]:
    """The names in SNAKEPIT_WITHOUT_LAYERS, separated by commas; children inherit the variable.

    Raises ValueError for a name that is no layer's.
    """
    names = [name.strip() for name in os.environ.get(VARIABLE, "").split(",")]
    for name in names:
        if name and name not in _KNOWN:
            raise ValueError(
                f"{VARIABLE} names {name!r}, which is no safety layer; they are {', '.join(_KNOWN)}"
            )
    return frozenset(name for name in names if name)
