"""Python values as JSON text with markers, and attachments. See `value_markers`."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Callable

from . import value_arrays, value_tables
from .unserializable import UnserializableError, convert
from .value_markers import (
    MARKER,
    MAX_ATTACHMENTS,
    MAX_DEPTH,
    SAFE_INTEGER,
    Buffer,
    ValueFaultError,
)

try:
    import orjson
except ImportError:  # it is only faster
    orjson = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import datetime
    from collections.abc import Collection, Iterable, Mapping

_MARKER_BYTES = MARKER.encode()
_FAST_OPTIONS = 0
if orjson is not None:
    _FAST_OPTIONS = (
        orjson.OPT_STRICT_INTEGER
        | orjson.OPT_PASSTHROUGH_SUBCLASS
        | orjson.OPT_PASSTHROUGH_DATACLASS
        | orjson.OPT_PASSTHROUGH_DATETIME
    )

_EPOCH_ORDINAL = 719_163
_DAY_MS = 86_400_000


def encode_text(value: object) -> tuple[bytes, list[Buffer]]:
    """The value as JSON text, and the bytes to which markers in it point. Raises ValueFaultError."""
    encoder = _Encoder()
    try:
        text = encode_quickly(value)
        if text is not None:
            return text, []
        if _is_plain(value):
            return dump(value), []
        tree = encoder.encode(value, 0)
    except RecursionError:
        raise ValueFaultError("is nested too deeply, or contains itself") from None
    return dump(tree), encoder.attachments


def encode_quickly(value: object) -> bytes | None:
    """The text of a value that is plain; None for others, and for some that `encode_text` knows better."""
    fast: Any = orjson
    if fast is not None:
        try:
            text: bytes = fast.dumps(value, option=_FAST_OPTIONS)
        except TypeError:
            return None
        # It writes NaN as null, and knows nothing of markers.
        is_sure = type(value) is str or (b"null" not in text and _MARKER_BYTES not in text)
        return text if is_sure or _is_plain(value) else None
    return dump(value) if _is_plain(value) else None


def dump(tree: object) -> bytes:
    """What `json.dumps` makes of a tree that has only what JSON has."""
    try:
        return _to_text(tree).encode("utf-8")
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8 form, but JSON can escape it.
        return _to_ascii(tree).encode("ascii")


def _prepare(encoder: json.JSONEncoder, quote: str) -> Callable[[object], str]:
    """`encoder.encode`, but what works for it in C is made once instead of for every value.

    There are no cycles to look for: nothing comes here that is nested without end.
    """
    try:
        parts = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
            None,
            encoder.default,
            getattr(json.encoder, quote),
            None,
            encoder.key_separator,
            encoder.item_separator,
            encoder.sort_keys,
            encoder.skipkeys,
            encoder.allow_nan,
        )
    except (AttributeError, TypeError):  # another Python has it not, or not so
        return encoder.encode
    return lambda tree: "".join(parts(tree, 0))


_to_text = _prepare(
    json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")),
    "c_encode_basestring",
)
_to_ascii = _prepare(
    json.JSONEncoder(allow_nan=False, separators=(",", ":")), "c_encode_basestring_ascii"
)


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether JSON has a value and all its parts, and JavaScript reads them as they are."""
    items: Any = value
    kind = type(value)
    if kind is dict:
        if not _has_plain_keys(items):
            return False
        items = items.values()
    elif kind is not list and kind is not tuple:
        items = (value,)
    if depth > MAX_DEPTH:
        return False
    # What is no container is looked at here: a call of Python costs more than the look.
    for item in items:
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -SAFE_INTEGER <= item <= SAFE_INTEGER:
                return False
        elif kind is float:
            if not math.isfinite(item):
                return False
        elif kind is dict or kind is list or kind is tuple:
            if not _is_plain(item, depth + 1):
                return False
        else:
            return False
    return True


class _Encoder:
    """Replaces what JSON lacks, on the way through one value."""

    def __init__(self) -> None:
        self.attachments: list[Buffer] = []

    # Dicts and lists are walked here: Python counts every call against its recursion limit.
    def encode(self, value: object, depth: int) -> object:
        """What JSON is to have in place of the value."""
        kind = type(value)
        if kind is str or kind is bool or value is None:
            return value
        if depth > MAX_DEPTH:
            raise ValueFaultError(f"is nested deeper than {MAX_DEPTH} levels, or contains itself")
        if kind is list or kind is tuple:
            items: list[object] = []
            for item in value:  # type: ignore[attr-defined]
                try:
                    items.append(self.encode(item, depth + 1))
                except ValueFaultError as fault:
                    fault.steps.append(len(items))
                    raise
            return items
        if kind is dict and _has_plain_keys(value):  # type: ignore[arg-type]
            members: dict[str, object] = {}
            for key, item in value.items():  # type: ignore[attr-defined]
                try:
                    members[key] = self.encode(item, depth + 1)
                except ValueFaultError as fault:
                    fault.steps.append(key)
                    raise
            return members
        for base in kind.__mro__:
            handler = _HANDLERS.get(f"{base.__module__}.{base.__qualname__}")
            if handler is not None:
                return handler(self, value, depth)
        return self.encode_foreign(value, depth)

    def attach(self, data: Buffer) -> int:
        """The place of bytes beside the text."""
        if len(self.attachments) >= MAX_ATTACHMENTS:
            raise ValueFaultError(f"is one of more than {MAX_ATTACHMENTS} binary values; join them")
        self.attachments.append(data)
        return len(self.attachments) - 1

    def encode_foreign(self, value: object, depth: int) -> object:
        """An object that converts itself, or else is replaced by a marker or refused, as configured."""
        try:
            converted = convert(value)
        except UnserializableError as error:
            raise ValueFaultError(str(error)) from error
        return self.encode(converted, depth + 1)

    def encode_items(self, items: Iterable[object], depth: int) -> list[object]:
        """Parts of a value that have no name, as a list of JSON."""
        encoded: list[object] = []
        for item in items:
            try:
                encoded.append(self.encode(item, depth))
            except ValueFaultError as fault:
                fault.steps.append(len(encoded))
                raise
        return encoded

    def encode_pairs(self, items: Mapping[object, object], depth: int) -> list[object]:
        """Keys and values of a dict, as a list of pairs of JSON."""
        pairs: list[object] = []
        for key, item in items.items():
            try:
                pairs.append([self.encode(key, depth), self.encode(item, depth)])
            except ValueFaultError as fault:
                fault.steps.append(key)
                raise
        return pairs


def _has_plain_keys(items: dict[object, object]) -> bool:
    # No generator: it would cost more than the look.
    for key in items:
        if type(key) is not str:
            return False
    return MARKER not in items


def _encode_dict(encoder: _Encoder, value: dict[object, object], depth: int) -> object:
    items = dict(value)
    if _has_plain_keys(items):
        return encoder.encode(items, depth)
    is_object = all(isinstance(key, str) for key in items)
    kind = "object" if is_object else "map"
    return {MARKER: kind, "v": encoder.encode_pairs(items, depth + 3)}


def _encode_set(encoder: _Encoder, value: Collection[object], depth: int) -> object:
    return {MARKER: "set", "v": encoder.encode_items(value, depth + 2)}


def _encode_list(encoder: _Encoder, value: Any, depth: int) -> object:
    # A named tuple says of itself what its parts are.
    if isinstance(value, tuple) and hasattr(type(value), "_fields"):
        return encoder.encode_foreign(value, depth)
    return encoder.encode(list(value), depth)


def _encode_str(_encoder: _Encoder, value: str, _depth: int) -> object:
    return str.__str__(value)


def _encode_int(_encoder: _Encoder, value: int, _depth: int) -> object:
    number = int(value)
    if -SAFE_INTEGER <= number <= SAFE_INTEGER:
        return number
    # Hexadecimal: any length of it is read at once, and Python refuses very many decimal digits.
    return {MARKER: "int", "hex": f"{number:x}"}


def _encode_float(_encoder: _Encoder, value: float, _depth: int) -> object:
    number = float(value)
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return {MARKER: "float", "v": "NaN"}
    return {MARKER: "float", "v": "Infinity" if number > 0 else "-Infinity"}


def _encode_complex(encoder: _Encoder, value: complex, depth: int) -> object:
    return encoder.encode({"real": value.real, "imag": value.imag}, depth)


def _encode_bytes(encoder: _Encoder, value: Buffer, _depth: int) -> object:
    # What may change is sent as it is now: it may be in use again before all of it has gone.
    return {MARKER: "bytes", "at": encoder.attach(freeze(value))}


def freeze(value: Buffer) -> bytes:
    """Bytes that nobody can change."""
    return value if type(value) is bytes else bytes(value)


def _encode_datetime(_encoder: _Encoder, value: datetime.datetime, _depth: int) -> object:
    offset = value.utcoffset()
    if offset is None:
        return value.isoformat()
    # Not `timestamp()`, a float that is not exact; microseconds are more than a Date has.
    days = value.toordinal() - _EPOCH_ORDINAL
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    microseconds = (seconds * 1_000_000 + value.microsecond) - (
        (offset.days * 86_400 + offset.seconds) * 1_000_000 + offset.microseconds
    )
    return {MARKER: "instant", "ms": days * _DAY_MS + microseconds // 1000}


def _encode_by_isoformat(_encoder: _Encoder, value: Any, _depth: int) -> object:
    return value.isoformat()


def _encode_timedelta(encoder: _Encoder, value: datetime.timedelta, depth: int) -> object:
    return encoder.encode(value.total_seconds(), depth)


def _encode_as_text(_encoder: _Encoder, value: object, _depth: int) -> object:
    return str(value)


def _encode_enum(encoder: _Encoder, value: Any, depth: int) -> object:
    return encoder.encode(value.value, depth + 1)


def _encode_none(_encoder: _Encoder, _value: object, _depth: int) -> object:
    return None


def _encode_array(encoder: _Encoder, value: Any, depth: int) -> object:
    parts = value_arrays.read_array(value)
    if parts is None:
        return encoder.encode_foreign(value, depth)
    dtype, shape, data = parts
    return {MARKER: "array", "dtype": dtype, "shape": shape, "at": encoder.attach(data)}


def _encode_scalar(encoder: _Encoder, value: Any, depth: int) -> object:
    return encoder.encode(value_arrays.read_scalar(value), depth + 1)


def _encode_table(encoder: _Encoder, value: Any, depth: int) -> object:
    data = value_tables.read_table(value)
    if data is None:
        return encoder.encode_foreign(value, depth)
    return {MARKER: "arrow", "at": encoder.attach(data)}


# By name, so that nothing is imported for types that nobody uses. The first one of an object's classes counts.
_HANDLERS: dict[str, Callable[[_Encoder, Any, int], object]] = {
    "builtins.dict": _encode_dict,
    "builtins.list": _encode_list,
    "builtins.tuple": _encode_list,
    "builtins.set": _encode_set,
    "builtins.frozenset": _encode_set,
    "builtins.str": _encode_str,
    "builtins.int": _encode_int,
    "builtins.float": _encode_float,
    "builtins.complex": _encode_complex,
    "builtins.bytes": _encode_bytes,
    "builtins.bytearray": _encode_bytes,
    "builtins.memoryview": _encode_bytes,
    "datetime.datetime": _encode_datetime,
    "datetime.date": _encode_by_isoformat,
    "datetime.time": _encode_by_isoformat,
    "datetime.timedelta": _encode_timedelta,
    "decimal.Decimal": _encode_as_text,
    "uuid.UUID": _encode_as_text,
    "enum.Enum": _encode_enum,
    "array.array": _encode_array,
    "numpy.ndarray": _encode_array,
    "numpy.generic": _encode_scalar,
    "pandas.DataFrame": _encode_table,
    "pandas.Series": _encode_table,
    "pandas.core.frame.DataFrame": _encode_table,
    "pandas.core.series.Series": _encode_table,
    "pandas._libs.tslibs.nattype.NaTType": _encode_none,
    "pandas._libs.missing.NAType": _encode_none,
    "pandas.api.typing.NaTType": _encode_none,
    "pandas.api.typing.NAType": _encode_none,
    "pyarrow.lib.Table": _encode_table,
    "pyarrow.lib.RecordBatch": _encode_table,
}
