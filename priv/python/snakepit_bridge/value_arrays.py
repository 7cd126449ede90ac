"""Arrays of numpy, and of the module `array`. Neither is imported before there is one."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from .value_markers import Buffer, ValueFaultError

_ITEM_SIZES = {
    **{f"{sign}int{bits}": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)},
    "bool": 1,
    "float16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
_TIME = re.compile(r"(?:datetime64|timedelta64)(?:\[\d{0,9}(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?")
_MAX_DIMENSIONS = 32


def read_array(value: Any) -> tuple[str, list[int], bytes] | None:
    """Type, shape and elements, little-endian and row by row; None for elements that are no numbers."""
    if type(value).__module__ == "array":
        return _read_plain_array(value)
    # A mask has no place beside the elements; `tolist` has None there.
    if value.dtype.kind not in "biufcmM" or hasattr(value, "mask"):
        return None
    name = value.dtype.newbyteorder("=").name
    if _size_of(name) is None:
        raise ValueFaultError(
            f"is an array of {name}, which only Python has; use astype('float64')"
        )
    little = value.astype(value.dtype.newbyteorder("<"), copy=False)
    # A copy, made while they are brought in order: the array may be in use again before all of it has gone.
    return name, list(value.shape), little.tobytes()


def _read_plain_array(value: Any) -> tuple[str, list[int], bytes] | None:
    code = value.typecode
    if code in "uw":
        return None
    kind = "float" if code in "fd" else "int" if code.islower() else "uint"
    if sys.byteorder == "big":
        value = value[:]
        value.byteswap()
    return f"{kind}{value.itemsize * 8}", [len(value)], value.tobytes()


def read_scalar(value: Any) -> object:
    """The number, text or bool of a scalar of numpy."""
    kind = value.dtype.kind
    if kind == "M":
        text = str(value)
        return None if text == "NaT" else text
    if kind == "m":
        return _seconds_of(value)
    item = value.item()
    if type(item) is type(value):
        name = value.dtype.name
        raise ValueFaultError(f"is a {name}, which only Python has; use float()")
    return item


def _seconds_of(value: Any) -> object:
    numpy = sys.modules["numpy"]
    if numpy.isnat(value):
        return None
    try:
        return float(value / numpy.timedelta64(1, "s"))
    except TypeError:
        return str(value)  # of months or years, which have no length


def make_array(dtype: object, shape: object, data: Buffer) -> object:
    """The array: of numpy if that is installed, else of the module `array`. Raises ValueFaultError."""
    size = _size_of(dtype)
    if size is None or not _is_shape(shape):
        raise ValueFaultError(f"is no array that is known: {dtype!r:.80}, {shape!r:.80}")
    lengths: list[int] = shape  # type: ignore[assignment]
    expected = math.prod(lengths) * size
    if len(data) != expected:
        raise ValueFaultError(f"is an array of {expected} bytes, but {len(data)} came")
    try:
        import numpy
    except ImportError:
        return _make_plain_array(str(dtype), lengths, data)
    # Tools may write into it.
    writable = bytearray(data) if isinstance(data, bytes) else data
    little = numpy.dtype(str(dtype)).newbyteorder("<")
    array = numpy.frombuffer(writable, dtype=little).reshape(lengths)
    return array if sys.byteorder == "little" else array.astype(little.newbyteorder("="))


def _size_of(dtype: object) -> int | None:
    if not isinstance(dtype, str):
        return None
    return _ITEM_SIZES.get(dtype, 8 if _TIME.fullmatch(dtype) else None)


def _is_shape(shape: object) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) <= _MAX_DIMENSIONS
        and all(type(length) is int and length >= 0 for length in shape)
    )


def _make_plain_array(dtype: str, shape: list[int], data: Buffer) -> object:
    import array

    kinds = {"int": "bhilq", "uint": "BHILQ", "float": "fd"}
    candidates = kinds.get(dtype.rstrip("0123456789"), "") if len(shape) == 1 else ""
    for code in candidates:
        made: array.array[Any] = array.array(code)
        if made.itemsize * 8 == int(dtype[len(dtype.rstrip("0123456789")) :]):
            made.frombytes(data)
            if sys.byteorder == "big":
                made.byteswap()
            return made
    raise ValueFaultError(
        f"is an array of {dtype} with shape {shape}: install numpy in the environment"
    )
