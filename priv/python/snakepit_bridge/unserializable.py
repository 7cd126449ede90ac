"""Objects that JSON cannot express: converted where they know how, else replaced by a marker, or refused.

`SNAKEPIT_UNSERIALIZABLE` is `marker` (default, as in the original) or `error`.
`SNAKEPIT_UNSERIALIZABLE_DETAIL` decides what a marker says beside the type: `none` (default) and
nothing more, `type`, `repr_truncated`, `repr_redacted_truncated`. In the first two no `repr` runs.
`SNAKEPIT_UNSERIALIZABLE_REPR_MAXLEN` (500, at most 2000) and `SNAKEPIT_TOLIST_MAX_ELEMENTS`
(1000000) are the limits.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re

MARKER = "__ffi_unserializable__"

# In this order; `dict` is that of pydantic before version 2.
_CONVERSIONS = ("model_dump", "to_dict", "_asdict", "dict", "tolist", "isoformat")
_SECRETS = (
    re.compile(r"(?i)\bbearer\s+[\w\-.~+/]+=*"),
    re.compile(r"\bsk-[\w-]{8,}"),
    re.compile(
        r"""(?i)["']?\b(?:api_?key|token|secret|password|authorization)\b["']?\s*[:=]\s*["']?[^\s"',}]+"""
    ),
)


class UnserializableError(TypeError):
    """An object cannot be sent, and no marker is wanted in its place."""


def convert(value: object) -> object:
    """The first conversion of `value` that works, or a marker. One that raises, or gives back the
    value itself, does not count. Raises UnserializableError where no marker is wanted."""
    for name in () if isinstance(value, type) else _CONVERSIONS:
        try:
            converted = _convert_by(name, value)
        except Exception:  # noqa: BLE001 - foreign code; the next conversion may work
            continue
        if converted is not value:
            return converted
    if os.environ.get("SNAKEPIT_UNSERIALIZABLE", "").strip().lower() == "error":
        name = _name_of(value)
        raise UnserializableError(
            f"is an object of {name}, which cannot be sent: return plain values, or give the class a method to_dict()"
        )
    return make_marker(value)


def _convert_by(name: str, value: object) -> object:
    """What a method of the value makes of it; the value itself where that does not count."""
    if name == "dict" and not hasattr(type(value), "__fields__"):
        return value
    if name == "tolist":
        # After the methods that a class has for the purpose, and before those that other things may have.
        if dataclasses.is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if _count_elements(value) > _limit("SNAKEPIT_TOLIST_MAX_ELEMENTS", 1_000_000):
            return value
    method = getattr(value, name, None)
    return method() if callable(method) else value


def _name_of(value: object) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


def make_marker(value: object) -> dict[str, object]:
    """What is sent in place of a value."""
    name = _name_of(value)
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
