"""Values between Python and the wire.

`encode_value` and `decode_value` write and read JSON with markers for what it lacks; see `value_markers`.

`encode_json` writes plain JSON, as the original does: integers stay integers and None stays null. NaN
and the infinities, which JSON lacks, become the strings "NaN", "Infinity" and "-Infinity". Objects
that JSON cannot express are converted as `unserializable` says.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Callable

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import StringValue

from .unserializable import convert
from .value_decoding import decode_text
from .value_encoding import encode_text, freeze
from .value_markers import Buffer as Buffer
from .value_markers import ValueFaultError

if TYPE_CHECKING:
    from collections.abc import Sequence

Encode = Callable[[object], tuple[bytes, list[Buffer]]]

JSON_TYPE_URL = "type.googleapis.com/google.protobuf.StringValue"

_BYTES = (bytes, bytearray, memoryview)


class EncodingError(Exception):
    """A value cannot be sent; the message says which part of it, and why."""


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


def decode_any(message: AnyMessage, attachments: Sequence[Buffer] = ()) -> Any:
    """The value of an `Any`, whatever its type_url says, and of the bytes to which markers in it point.

    Raises ValueError when it carries no JSON. A real StringValue, which the original's Python side
    sends for text, is taken as its text.
    """
    try:
        return decode_value(message.value, attachments)
    except ValueError:
        if message.type_url != JSON_TYPE_URL:
            raise
        try:
            return StringValue.FromString(message.value).value
        except (DecodeError, ValueError):
            pass
        raise


def encode_value(value: object) -> tuple[bytes, list[Buffer]]:
    """A value as JSON text with markers for what JSON lacks, and the bytes to which those point.

    Bytes by themselves are no text and one attachment. Raises EncodingError, with the path of what
    cannot be sent.
    """
    try:
        return (b"", [freeze(value)]) if isinstance(value, _BYTES) else encode_text(value)
    except ValueFaultError as fault:
        raise EncodingError(fault.describe("value")) from fault
    except Exception as error:  # code of the value's class, or one that is changed meanwhile
        raise EncodingError(f"the value cannot be sent: {error}") from error


def encode_plain(value: object) -> tuple[bytes, list[Buffer]]:
    """The same for a runtime that knows no markers; see `encode_json`."""
    if isinstance(value, _BYTES):
        return b"", [value]
    return encode_json(value), []


def decode_value(text: Buffer, attachments: Sequence[Buffer] = ()) -> Any:
    """The value of a JSON text with markers, and of the bytes to which those point.

    Raises ValueError for what makes no sense, or needs a package that is not installed.
    """
    if not text:
        if len(attachments) > 1:
            raise ValueError("several attachments without a text that points to them")
        return freeze(attachments[0]) if attachments else None
    try:
        return decode_text(text, attachments)
    except ValueFaultError as fault:
        raise ValueError(fault.describe("value")) from fault


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
