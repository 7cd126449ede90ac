"""JSON text with markers, and attachments, as Python values. See `value_markers`."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from .value_arrays import make_array
from .value_markers import MARKER, Buffer, ValueFaultError
from .value_tables import make_table

try:
    import orjson
except ImportError:  # it is only faster
    orjson = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Sequence


def decode_text(text: Buffer, attachments: Sequence[Buffer]) -> Any:
    """The value. Raises ValueError, or ValueFaultError for a marker that makes no sense."""
    characters = str(text, "utf-8")
    if MARKER not in characters:
        return load(characters)
    decoder = _Decoder(attachments)
    try:
        return json.loads(characters, object_hook=decoder.revive, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("a value is nested too deeply") from None
    except ValueFaultError:
        # Which one it was: the same again, the slow way, that knows where it is, unless that is too deep.
        with suppress(RecursionError):
            _revive_tree(json.loads(characters, parse_constant=_refuse), _Decoder(attachments))
        raise


def load(characters: str) -> Any:
    """The value of a text without markers. Raises ValueError."""
    if orjson is not None:
        try:
            return orjson.loads(characters)
        except ValueError:
            pass  # half a surrogate pair, which it refuses; or no JSON, of which `json` says more
    try:
        try:
            value, end = scan(characters, 0)
            if end == len(characters):
                return value
        except StopIteration:
            pass  # no value begins there
        # White space around it, which Node does not send, or no JSON.
        return _decoder.decode(characters)
    except RecursionError:
        raise ValueError("a value is nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse)
# The value that begins at a place of a text, and where it ends. Raises StopIteration when there is none.
scan = _decoder.scan_once  # type: ignore[attr-defined]


def _revive_tree(value: object, decoder: _Decoder) -> object:
    """What `object_hook` does, but with the path of a fault."""
    parts: Any = ()
    if isinstance(value, list):
        parts = enumerate(value)
    elif isinstance(value, dict):
        parts = list(value.items())
    for step, item in parts:
        try:
            value[step] = _revive_tree(item, decoder)  # type: ignore[index]
        except ValueFaultError as fault:
            fault.steps.append(step)
            raise
    return decoder.revive(value) if isinstance(value, dict) else value


class _Decoder:
    """Puts values in place of the markers of one text."""

    def __init__(self, attachments: Sequence[Buffer]) -> None:
        self._attachments = attachments
        self._taken: set[int] = set()

    def revive(self, members: dict[str, Any]) -> object:
        """The value for which an object of JSON stands: mostly itself. What is in it is revived already."""
        if MARKER not in members:
            return members
        kind = members[MARKER]
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is None:
            raise _malformed(members)
        try:
            return handler(self, members)
        except ValueFaultError:
            raise
        except KeyError:
            raise _malformed(members) from None
        except Exception as error:  # what numpy and others raise is beyond listing, and is no call
            raise ValueFaultError(f"is no {kind} that can be made: {error}") from error

    def take(self, place: object) -> Buffer:
        """An attachment, by its place; each only once, so that nothing is copied again and again."""
        if (
            not isinstance(place, int)
            or not 0 <= place < len(self._attachments)
            or place in self._taken
        ):
            raise ValueFaultError(f"points to attachment {place!r:.80}, which is not there")
        self._taken.add(place)
        return self._attachments[place]


def _malformed(value: object) -> ValueFaultError:
    return ValueFaultError(f"is no marker that is known: {value!r:.200}")


def _revive_bytes(decoder: _Decoder, marker: dict[str, Any]) -> object:
    data = decoder.take(marker["at"])
    return data if type(data) is bytes else bytes(data)


def _revive_array(decoder: _Decoder, marker: dict[str, Any]) -> object:
    return make_array(marker["dtype"], marker["shape"], decoder.take(marker["at"]))


def _revive_arrow(decoder: _Decoder, marker: dict[str, Any]) -> object:
    return make_table(decoder.take(marker["at"]))


def _revive_int(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    digits = marker["hex"]
    if not isinstance(digits, str) or not re.fullmatch("-?[0-9a-f]+", digits):
        raise _malformed(marker)
    return int(digits, 16)


def _revive_float(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    text = marker["v"]
    if not isinstance(text, str):
        raise _malformed(marker)
    try:
        return float(text)
    except ValueError:
        raise _malformed(marker) from None


def _revive_instant(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    import datetime

    try:
        since = datetime.timedelta(milliseconds=marker["ms"])
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + since
    except (TypeError, OverflowError):
        raise _malformed(marker) from None


def _revive_set(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    items = marker["v"]
    if not isinstance(items, list):
        raise _malformed(marker)
    members = {_hashable(item) for item in items}
    if len(members) != len(items):
        raise ValueFaultError("is a Set with two members that are equal in Python")
    return members


def _revive_map(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    pairs = _pairs_of(marker)
    members = {_hashable(key): item for key, item in pairs}
    if len(members) != len(pairs):
        raise ValueFaultError("is a Map with two keys that are equal in Python")
    return members


def _revive_object(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    pairs = _pairs_of(marker)
    if not all(isinstance(key, str) for key, _ in pairs):
        raise _malformed(marker)
    return dict(pairs)


def _pairs_of(marker: dict[str, Any]) -> list[tuple[Any, Any]]:
    pairs = marker["v"]
    if not isinstance(pairs, list):
        raise _malformed(marker)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise _malformed(marker)
    return [(key, item) for key, item in pairs]


def _hashable(value: object) -> object:
    """The value as key of a dict, or member of a set."""
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, set):
        return frozenset(value)
    try:
        hash(value)
    except TypeError:
        kind = type(value).__name__
        raise ValueFaultError(f"has a key or member of type {kind}, which cannot be one") from None
    return value


def _revive_python(_decoder: _Decoder, marker: dict[str, Any]) -> object:
    kind, value = marker["type"], marker["v"]
    maker = _PYTHON_TYPES.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise _malformed(marker)
    try:
        return maker(value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ValueFaultError(f"is no {kind}: {value!r:.80} ({error})") from error


def _make_decimal(text: str) -> object:
    import decimal

    return decimal.Decimal(text)


def _make_uuid(text: str) -> object:
    import uuid

    return uuid.UUID(text)


def _make_moment(name: str) -> Callable[[Any], object]:
    def make(text: str) -> object:
        import datetime

        # Python before 3.11 reads neither "Z" nor a part of a second but of three or six digits.
        text = re.sub("Z$", "+00:00", text)
        text = re.sub(r"\.(\d{1,6})", lambda found: f".{found[1]:0<6}", text)
        return getattr(datetime, name).fromisoformat(text)

    return make


def _make_timedelta(seconds: float) -> object:
    import datetime

    return datetime.timedelta(seconds=seconds)


_PYTHON_TYPES: dict[str, Callable[[Any], object]] = {
    "decimal": _make_decimal,
    "uuid": _make_uuid,
    "date": _make_moment("date"),
    "time": _make_moment("time"),
    "datetime": _make_moment("datetime"),
    "timedelta": _make_timedelta,
}

_HANDLERS: dict[str, Callable[[_Decoder, dict[str, Any]], object]] = {
    "bytes": _revive_bytes,
    "array": _revive_array,
    "arrow": _revive_arrow,
    "int": _revive_int,
    "float": _revive_float,
    "instant": _revive_instant,
    "set": _revive_set,
    "map": _revive_map,
    "object": _revive_object,
    "python": _revive_python,
}
