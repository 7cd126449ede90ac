"""What stands in JSON for values that JSON lacks: objects with the key `__snakepit__`, which names their kind.

Both sides know the same kinds, and what belongs to each:

    bytes    at               bytes that came as attachment number `at`
    array    dtype shape at   an array of numpy, row by row, little-endian
    arrow    at               a table, as Arrow IPC stream
    int      hex              a whole number beyond 2**53 - 1
    float    v                one that JSON lacks, or that would look like an int
    instant  ms               milliseconds since 1970
    set      v                a list
    map      v                a list of pairs, for a dict whose keys are not all text
    object   v                a list of pairs, for a dict that has the key `__snakepit__` itself
    python   type v           a type that the caller asked for by name
"""

from __future__ import annotations

from typing import Union

MARKER = "__snakepit__"

# Whole numbers up to here are exact in JavaScript.
SAFE_INTEGER = 2**53 - 1

# So many buffers a value may have beside its text, and so deep may JSON be nested, markers included.
MAX_ATTACHMENTS = 65_536
MAX_DEPTH = 500

_SHOWN_STEPS = 20

Buffer = Union[bytes, bytearray, memoryview]


class ValueFaultError(Exception):
    """Something in a value is wrong; `steps` leads to it, its last step first."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.steps: list[object] = []

    def describe(self, whole: str) -> str:
        """The fault as a sentence about a part of `whole`."""
        steps = [f"[{step!r:.80}]" for step in reversed(self.steps)]
        if len(steps) > _SHOWN_STEPS:  # it contains itself, mostly
            steps[_SHOWN_STEPS // 2 : -_SHOWN_STEPS // 2] = ["..."]
        path = "".join(steps)
        return f"{whole}{path} {self.problem}"
