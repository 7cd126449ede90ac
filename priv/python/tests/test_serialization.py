"""Values to JSON and back, without a worker."""

from __future__ import annotations

import collections
import datetime
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.wrappers_pb2 import StringValue

from snakepit_bridge.serialization import (
    JSON_TYPE_URL,
    EncodingError,
    decode_any,
    encode_any,
    encode_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Point = collections.namedtuple("Point", "x y")


class Convertible:
    """Has the given methods, each returning its own name, or raising."""

    def __init__(self, *names: str, broken: tuple[str, ...] = ()) -> None:
        for name in names:
            setattr(self, name, self._make(name, name in broken))

    @staticmethod
    def _make(name: str, broken: bool) -> Callable[[], str]:
        def convert() -> str:
            if broken:
                raise RuntimeError(name)
            return name

        return convert


def roundtrip(value: object) -> object:
    return decode_any(encode_any(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (2**70, str(2**70)),
        (None, "null"),
        ("ä", '"ä"'),
        ((1, "a"), '[1,"a"]'),
        ({1: 2}, '{"1":2}'),
        (math.nan, '"NaN"'),
        ([math.inf, -math.inf, 1.5], '["Infinity","-Infinity",1.5]'),
        ({"a": {"b": math.nan}, "c": (1, None)}, '{"a":{"b":"NaN"},"c":[1,null]}'),
    ],
)
def test_json_text(value: object, text: str) -> None:
    """[I2.5] Integers, null and text stay what they are; what JSON lacks becomes text."""
    assert encode_json(value).decode() == text


def test_envelope() -> None:
    """[I2.5] An Any names StringValue and carries raw JSON, as in the original."""
    assert encode_any([1]).type_url == JSON_TYPE_URL
    assert encode_any([1]).value == b"[1]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(1.5), 1.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ({"scores": np.array([0.5, math.nan])}, {"scores": [0.5, "NaN"]}),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (Point(1, 2), [1, 2]),
    ],
)
def test_conversions(value: object, expected: object) -> None:
    """[I2.5] numpy, dates and named tuples arrive as what they mean."""
    assert roundtrip(value) == expected


def test_conversion_order() -> None:
    """[I2.5] The first conversion that works wins; one that raises is skipped."""
    names = ["model_dump", "to_dict", "_asdict", "tolist", "isoformat"]
    for position, name in enumerate(names):
        assert roundtrip(Convertible(*names[position:])) == name
        broken = tuple(names[:position])
        assert roundtrip(Convertible(*names, broken=broken)) == name


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("none", None),
        ("type", "<tests.test_serialization.Secretive>"),
        ("repr_truncated", "password=hunter2 " + "x" * 3),
        ("repr_redacted_truncated", "<redacted> " + "x" * 9),
    ],
)
def test_marker(monkeypatch: pytest.MonkeyPatch, detail: str, expected: str | None) -> None:
    """[I2.5] What cannot be converted is replaced by a marker, which tells no more than allowed."""
    monkeypatch.setenv("SNAKEPIT_UNSERIALIZABLE_DETAIL", detail)
    monkeypatch.setenv("SNAKEPIT_UNSERIALIZABLE_REPR_MAXLEN", "20")
    marker: Any = roundtrip({"ok": 1, "bad": Secretive()})
    assert marker["ok"] == 1
    assert marker["bad"].pop("__repr__", None) == expected
    assert marker["bad"] == {
        "__ffi_unserializable__": True,
        "__type__": "tests.test_serialization.Secretive",
    }


class Secretive:
    """Its description holds what nobody should log."""

    def __repr__(self) -> str:
        return "password=hunter2 " + "x" * 100


def test_tolist_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    """[I2.5] An array above the limit is not turned into a list."""
    monkeypatch.setenv("SNAKEPIT_TOLIST_MAX_ELEMENTS", "3")
    assert roundtrip(np.zeros(3)) == [0, 0, 0]
    marker: Any = roundtrip(np.zeros((2, 2)))
    assert marker["__type__"] == "numpy.ndarray"


def make_cycle() -> list[object]:
    cycle: list[object] = [math.nan]
    cycle.append(cycle)
    return cycle


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": b"x"}, "base64"),
        ([bytearray(b"x")], "bytearray inside a result"),
        ({(1, 2): 3}, "keys must be"),
        (make_cycle(), "contains itself"),
    ],
)
def test_refused(value: object, text: str) -> None:
    """[I2.5] What cannot be sent is refused with the reason."""
    with pytest.raises(EncodingError, match=text):
        encode_json(value)


def test_half_a_surrogate_pair() -> None:
    """[I2.5] Text without a UTF-8 form is escaped instead of failing."""
    assert encode_json("\ud800") == b'"\\ud800"'


def test_decoding() -> None:
    """[I2.5] Any type_url is tried as JSON; a real StringValue is its text; the rest is an error."""
    assert decode_any(AnyMessage(type_url="x/y", value=b"[1]")) == [1]
    packed = StringValue(value="plain text").SerializeToString()
    assert decode_any(AnyMessage(type_url=JSON_TYPE_URL, value=packed)) == "plain text"
    with pytest.raises(ValueError, match="Expecting"):
        decode_any(AnyMessage(type_url="x/y", value=b"nope"))


def test_valid_json_only() -> None:
    """[I2.5] The bare words NaN and Infinity, which are no JSON, never appear."""
    text = encode_json({"a": [math.nan, np.float64("inf")], "b": np.array([math.nan])}).decode()

    def refuse(word: str) -> None:
        raise AssertionError(word)

    json.loads(text, parse_constant=refuse)
