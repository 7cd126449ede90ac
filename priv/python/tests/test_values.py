"""Values with markers, without a worker. What Node makes of them is tested from there."""

from __future__ import annotations

import array
import collections
import dataclasses
import json
import math
import random
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from snakepit_bridge import value_decoding, value_encoding
from snakepit_bridge.serialization import EncodingError, decode_value, encode_value

if TYPE_CHECKING:
    from snakepit_bridge.value_markers import Buffer

Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Person:
    """Has no method that converts it."""

    name: str


@dataclasses.dataclass
class Described(Person):
    """Says itself what it is."""

    def to_dict(self) -> dict[str, str]:
        return {"called": self.name}


class OldModel:
    """As a model of pydantic 1."""

    __fields__ = ("name",)

    def dict(self) -> dict[str, str]:
        return {"name": "n"}


@pytest.fixture(params=["orjson", "json"])
def codec(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both with orjson and without."""
    if request.param == "json":
        monkeypatch.setattr(value_encoding, "orjson", None)
        monkeypatch.setattr(value_decoding, "orjson", None)


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """As if these were not installed."""
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


def marker(kind: str, **fields: object) -> dict[str, object]:
    return {"__snakepit__": kind, **fields}


def tree_of(value: object) -> Any:
    """The JSON that is sent."""
    return json.loads(encode_value(value)[0])


def decode(tree: object, *attachments: Buffer) -> Any:
    return decode_value(json.dumps(tree).encode(), attachments)


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, -0.0, 5.0, "ä", None, True]}, '{"a":[1,-0.0,5.0,"ä",null,true]}'),
        ((1, "a"), '[1,"a"]'),
        (2**53 - 1, "9007199254740991"),
        (2**53, '{"__snakepit__":"int","hex":"20000000000000"}'),
        ([-(2**53)], '[{"__snakepit__":"int","hex":"-20000000000000"}]'),
        ([None, math.nan], '[null,{"__snakepit__":"float","v":"NaN"}]'),
        ({1: 2}, '{"__snakepit__":"map","v":[[1,2]]}'),
        ({"__snakepit__": None}, '{"__snakepit__":"object","v":[["__snakepit__",null]]}'),
        ("\ud800", '"\\ud800"'),
        (["\ud800", 2**60], '["\\ud800",{"__snakepit__":"int","hex":"1000000000000000"}]'),
        (Point(1, None), '{"x":1,"y":null}'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Person("p"), '{"name":"p"}'),
        (Described("p"), '{"called":"p"}'),
        (OldModel(), '{"name":"n"}'),
    ],
)
def test_text(value: object, text: str) -> None:
    """[I5.5] Plain values are plain JSON; everything else is a marker."""
    assert encode_value(value) == (text.encode(), [])


@pytest.mark.usefixtures("codec")
def test_generated_values() -> None:
    """[I5.5] Whatever JSON has arrives as it was sent, with orjson and without."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)

    def make(depth: int) -> object:
        kind = chance.randrange(8 if depth < 4 else 6)
        if kind == 6:
            return [make(depth + 1) for _ in range(chance.randrange(4))]
        if kind == 7:
            return {chance.choice(["a", "ä", "", "1"]): make(depth + 1) for _ in range(3)}
        return chance.choice(
            [None, True, chance.getrandbits(chance.randrange(1, 90)), chance.random(), "ä\ud800"]
        )

    for _ in range(500):
        value = make(0)
        text, attachments = encode_value(value)
        back = decode_value(text, attachments)
        assert back == value, f"seed {seed}"
        assert repr(back) == repr(value), f"seed {seed}"


def test_nothing_is_imported_for_plain_values() -> None:
    """[I5.5] numpy, pandas and pyarrow are imported for their own values, and for nobody else's."""
    program = """if True:
        import sys
        from snakepit_bridge.serialization import decode_value, encode_value
        encode_value({1: [2**60, b"x", {2}, 1.5]})
        decode_value(b'[{"__snakepit__":"bytes","at":0}]', [b"x"])
        print([name for name in ("numpy", "pandas", "pyarrow") if name in sys.modules])
    """
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        ({"a": [marker("bytes", at=1)]}, r"value\['a'\]\[0\] points to attachment 1"),
        (marker("bytes", at=-1), "attachment -1"),
        (marker("bytes", at=True), "points to attachment True"),
        (marker("bytes", at="0"), "attachment '0'"),
        ([marker("bytes", at=0), marker("bytes", at=0)], r"value\[1\] points to attachment 0"),
        (marker("bytes"), "is no marker that is known"),
        (marker("array", dtype="float64", shape=[2], at=0), "of 16 bytes, but 8 came"),
        (marker("array", dtype="float64", shape=[-1], at=0), "is no array that is known"),
        (marker("array", dtype="object", shape=[1], at=0), "is no array that is known"),
        (marker("array", dtype=[], shape=[1], at=0), "is no array that is known"),
        (marker("arrow", at=0), "is no Arrow IPC stream"),
        (marker("int", hex="0x1"), "is no marker that is known"),
        (marker("int", hex=1), "is no marker that is known"),
        (marker("float", v="x"), "is no marker that is known"),
        (marker("float", v=1), "is no marker that is known"),
        (marker("instant", ms="x"), "is no marker that is known"),
        (marker("instant", ms=1e30), "is no marker that is known"),
        (marker("set", v=1), "is no marker that is known"),
        (marker("set", v=[1, True]), "two members that are equal"),
        (marker("set", v=[{}]), "a key or member of type dict"),
        (marker("map", v=[[1]]), "is no marker that is known"),
        (marker("map", v=[[1, 2], [1.0, 3]]), "two keys that are equal"),
        (marker("object", v=[[1, 2]]), "is no marker that is known"),
        (marker("python", type="decimal", v="x"), "is no decimal"),
        (marker("python", type="eval", v="1"), "is no marker that is known"),
        (marker("python", type="uuid", v=5), "is no python that can be made"),
        (marker("unheard"), "is no marker that is known"),
        ({"__snakepit__": []}, "is no marker that is known"),
    ],
)
def test_malformed(tree: object, problem: str) -> None:
    """[I5.5] A marker that makes no sense is refused with its path."""
    with pytest.raises(ValueError, match=problem):
        decode(tree, bytes(8))


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize("text", [b" [1]", b"[1]\n", b"\t\r\n [1] "])
def test_white_space(text: bytes) -> None:
    """[I5.5] White space around a value does not count."""
    assert decode_value(text) == [1]


@pytest.mark.usefixtures("codec")
@pytest.mark.parametrize(
    "text",
    [
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'\xff\xfe"\0',
        b"\xef\xbb\xbf1",
        b"[NaN]",
        b"{",
        b" ",
        b"[1]x",
        b"1 2",
        b"[" * 100_000,
        b" " + b"[" * 100_000,
    ],
)
def test_no_json(text: bytes) -> None:
    """[I5.5] Text that is no UTF-8 or no JSON is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of three libraries
        decode_value(text)


def test_depth() -> None:
    """[I5.5] A value may be 500 levels deep, with markers and without, and no deeper."""
    for leaf in (1, 2**60):
        value: object = leaf
        for _ in range(500):
            value = [value]
        assert decode_value(*encode_value(value)) == value
        with pytest.raises(EncodingError, match="nested deeper than 500 levels"):
            encode_value([[value]])


def test_cycle() -> None:
    """[I5.5] A value that contains itself is refused, and the path to where it was noticed is short."""
    value: list[object] = []
    value += [value, value]
    with pytest.raises(EncodingError, match=r"^value(\[0\]){10}\.\.\.(\[0\]){10} is nested deeper"):
        encode_value(value)


def test_encoder_of_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """[I5.5] The encoder in C is a shortcut: where Python has none, the text is the same."""
    value = {"a": [1, -0.0, 'ä"\n', None, True, {"b": []}]}
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    fast = value_encoding._prepare(encoder, "c_encode_basestring")
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    slow = value_encoding._prepare(encoder, "c_encode_basestring")
    assert fast is not slow
    assert fast(value) == slow(value) == '{"a":[1,-0.0,"ä\\"\\n",null,true,{"b":[]}]}'


def test_many_attachments() -> None:
    """[I5.5] So many buffers that they would fill the memory of the other side are refused."""
    assert len(encode_value([b"x"] * 65_536)[1]) == 65_536
    with pytest.raises(EncodingError, match="more than 65536 binary values"):
        encode_value([b"x"] * 65_537)


def test_what_changes_is_copied() -> None:
    """[I5.5] What a tool may change after its return is sent as it was; bytes are not copied."""
    changing = [bytearray(b"abc"), memoryview(bytearray(b"abc")), np.zeros(3, np.int8)]
    text, attachments = encode_value(changing)
    for value in changing:
        value[0] = 7  # type: ignore[index]
    assert [item[0] for item in attachments] == [97, 97, 0]
    data = b"abc"
    assert encode_value(data)[1][0] is data
    assert encode_value([data])[1][0] is data
    assert decode_value(text, [data, data, data])[0] is data


def test_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """[I5.5] Where numpy is not installed, arrays of numbers are those of the module `array`."""
    hide(monkeypatch, "numpy")
    for code in "bhilqBHILQfd":
        sent = array.array(code, [1, 2, 3])
        text, attachments = encode_value([sent])
        (back,) = decode_value(text, attachments)
        assert isinstance(back, array.array)
        assert (back.itemsize, back.tolist()) == (sent.itemsize, sent.tolist())
    for dtype, shape in (("bool", [8]), ("float64", [1, 1]), ("complex64", [1])):
        with pytest.raises(ValueError, match="install numpy"):
            decode(marker("array", dtype=dtype, shape=shape, at=0), bytes(8))


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """[I5.5] Where pyarrow is not installed, a table is what `to_dict` makes of it, and none arrives."""
    import pandas as pd

    hide(monkeypatch, "pyarrow")
    assert tree_of(pd.DataFrame({"a": [1]})) == {"a": marker("map", v=[[0, 1]])}
    with pytest.raises(ValueError, match="install pyarrow"):
        decode(marker("arrow", at=0), b"")


def test_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """[I5.5] What cannot be sent is a marker by itself, and an error where that is wanted."""
    kind = "tests.test_values.Silent"
    assert tree_of([Silent()]) == [{"__ffi_unserializable__": True, "__type__": kind}]
    monkeypatch.setenv("SNAKEPIT_UNSERIALIZABLE", "error")
    with pytest.raises(EncodingError, match=rf"value\['a'\]\[0\] is an object of {kind}"):
        encode_value({"a": (Silent(),)})


class Silent:
    """Nothing that could be sent."""


class Angry(dict):  # type: ignore[type-arg]
    """Raises when it is looked at."""

    def keys(self) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Any:
        raise RuntimeError("no")


def test_values_that_raise() -> None:
    """[I5.5] A value whose own code raises is refused, whatever it raises."""
    with pytest.raises(EncodingError, match="no"):
        encode_value([Angry(a=1)])
