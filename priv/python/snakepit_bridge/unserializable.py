"""Objects that JSON cannot express: converted where they know how, else replaced by a marker.

`SNAKEPIT_UNSERIALIZABLE_DETAIL` decides what a marker says beside the type: `none` (default) and
nothing more, `type`, `repr_truncated`, `repr_redacted_truncated`. In the first two no `repr` runs.
`SNAKEPIT_UNSERIALIZABLE_REPR_MAXLEN` (500, at most 2000) and `SNAKEPIT_TOLIST_MAX_ELEMENTS`
(1000000) are the limits.
"""

from __future__ import annotations

import math
import os
import re

MARKER = "__ffi_unserializable__"

_CONVERSIONS = ("model_dump", "to_dict", "_asdict", "tolist", "isoformat")
_SECRETS = (
    re.compile(r"(?i)\bbearer\s+[\w\-.~+/]+=*"),
    re.compile(r"\bsk-[\w-]{8,}"),
    re.compile(
        r"""(?i)["']?\b(?:api_?key|token|secret|password|authorization)\b["']?\s*[:=]\s*["']?[^\s"',}]+"""
    ),
)


def convert(value: object) -> object:
    """The first conversion of `value` that works, or a marker. One that raises, or gives back the
    value itself, does not count."""
    for name in _CONVERSIONS:
        try:
            method = getattr(value, name, None)
            if not callable(method) or isinstance(value, type):
                continue
            if name == "tolist" and _count_elements(value) > _limit(
                "SNAKEPIT_TOLIST_MAX_ELEMENTS", 1_000_000
            ):
                continue
            converted: object = method()
        except Exception:  # noqa: BLE001 - foreign code; the next conversion may work
            continue
        if converted is not value:
            return converted
    return make_marker(value)


def make_marker(value: object) -> dict[str, object]:
    """What is sent in place of a value."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    marker: dict[str, object] = {MARKER: True, "__type__": name}
    detail = os.environ.get("SNAKEPIT_UNSERIALIZABLE_DETAIL", "none").strip().lower()
    if detail == "type":
        marker["__repr__"] = f"<{name}>"
    elif detail in ("repr_truncated", "repr_redacted_truncated"):
        marker["__repr__"] = _describe(value, redact=detail == "repr_redacted_truncated")
    return marker


def _describe(value: object, *, redact: bool) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - foreign code; its failure is the description
        text = f"<repr raised {type(error).__name__}>"
    for secret in _SECRETS if redact else ():
        text = secret.sub("<redacted>", text)
    return text[: min(_limit("SNAKEPIT_UNSERIALIZABLE_REPR_MAXLEN", 500), 2000)]


def _limit(variable: str, default: int) -> int:
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdigit() else default


def _count_elements(value: object) -> int:
    """Elements that `tolist` would make; counted before the conversion, which could exhaust memory."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and all(isinstance(length, int) for length in shape):
        return math.prod(shape)
    try:
        return len(value)  # type: ignore[arg-type]
    except TypeError:
        return 1
