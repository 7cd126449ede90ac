"""Values between Python and the wire: an `Any` that carries JSON text.

Integers stay integers and None stays null. NaN and the infinities, which JSON lacks, become the
strings "NaN", "Infinity" and "-Infinity". Objects that JSON cannot express are converted by the
first of their methods `model_dump`, `to_dict`, `_asdict`, `tolist`, `isoformat` that works, else
replaced by a marker that names their type.
"""

from __future__ import annotations

import json
import math
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue

from .unserializable import convert

JSON_TYPE_URL = "type.googleapis.com/google.protobuf.StringValue"

_BYTES = (bytes, bytearray, memoryview)


class EncodingError(Exception):
    """A value cannot be sent; the message says which part of it, and why."""


def is_binary(value: object) -> bool:
    """Whether a value travels as bytes instead of JSON."""
    return isinstance(value, _BYTES)


def encode_json(value: object) -> bytes:
    """A value as UTF-8 JSON text.

    Raises EncodingError for cycles, bytes inside other values, and keys that are no text, number,
    boolean or None.
    """
    try:
        try:
            text = _dumps(value)
        except ValueError as error:
            if "circular" in str(error).lower():
                raise
            text = _dumps(_name_non_finite(value))  # NaN or infinity somewhere: the slow way
    except RecursionError as error:
        raise EncodingError(
            "the value contains itself, or is nested too deeply for JSON"
        ) from error
    except (TypeError, ValueError) as error:
        raise EncodingError(f"the value cannot be sent as JSON: {error}") from error
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8 form, but JSON can escape it.
        return json.dumps(json.loads(text)).encode("ascii")


def encode_any(value: object) -> AnyMessage:
    """A value as the contract's `Any`. Raises EncodingError, see `encode_json`."""
    return AnyMessage(type_url=JSON_TYPE_URL, value=encode_json(value))


def decode_any(message: AnyMessage) -> Any:
    """The value of an `Any`, whatever its type_url says.

    Raises ValueError when it carries no JSON. A real StringValue, which the original's Python side
    sends for text, is taken as its text.
    """
    try:
        return json.loads(message.value)
    except ValueError:
        if message.type_url != JSON_TYPE_URL:
            raise
        try:
            return StringValue.FromString(message.value).value
        except (DecodeError, ValueError):
            pass
        raise


def _dumps(value: object) -> str:
    return json.dumps(
        value, default=_default, allow_nan=False, ensure_ascii=False, separators=(",", ":")
    )


def _default(value: object) -> object:
    if isinstance(value, _BYTES):
        raise TypeError(
            f"{type(value).__name__} inside a result is no JSON; return the bytes themselves, or as base64 text"
        )
    return convert(value)


def _name_non_finite(value: object) -> object:
    """The same value with NaN and infinities as text; converts objects on the way."""
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, dict):
        return {_name_key(key): _name_non_finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_name_non_finite(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _name_non_finite(_default(value))


def _name_key(key: object) -> object:
    return _name_non_finite(key) if isinstance(key, float) else key
