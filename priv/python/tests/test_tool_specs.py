"""What callers learn of tools, from signatures, type hints and docstrings."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    TypedDict,
    Union,
)

import numpy as np
import pytest
from typing_extensions import NotRequired

from snakepit_bridge import BaseAdapter, tool
from snakepit_bridge.docstrings import read_docstring
from snakepit_bridge.tool_specs import MAX_SCHEMA_BYTES, fingerprint, read_tools, to_proto
from snakepit_bridge.type_schemas import schema_of

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(TypedDict):
    x: float
    y: float
    label: NotRequired[str]


@dataclasses.dataclass
class Node:
    name: str
    children: list[Node]
    weight: float = 1.0


class Pair(NamedTuple):
    left: int
    right: str


UserId = NewType("UserId", int)


class Adapter(BaseAdapter):
    @tool
    def place(
        self,
        point: Point,
        colour: Annotated[Colour | None, "what it is painted with"] = None,
        *,
        scale: float = 1.0,
        tags: "list[str]" = [],  # noqa: B006, UP037 - shows a default, and a hint as text
        **more: int,
    ) -> dict[str, list[int]]:
        """Puts a point somewhere.

        And says where.

        Args:
            point: where it is
                to be
            scale (float): how large
            **more: whatever else

        Returns:
            where it is now
        """
        return {}

    @tool(supports_streaming=True)
    def count(self, to: int) -> Iterator[Point]:
        raise NotImplementedError

    @tool(supports_streaming=True)
    async def acount(self, to: int) -> AsyncIterator[int]:
        yield 1

    @tool
    async def wait(self, known: int, unknown: Unknown) -> str:
        return ""


def spec_of(name: str, cls: type = Adapter) -> tuple[dict[str, Any], dict[str, Any], Any]:
    spec = to_proto(read_tools(cls)[name])
    read = (json.loads(spec.metadata[key]) for key in ("input_schema", "output_schema"))
    return (*read, spec)


def test_input_schema() -> None:
    """[I5.6] A tool says what it takes: names, types, what is required, defaults, texts."""
    schema, returns, spec = spec_of("place")
    point = {
        "type": "object",
        "title": "Point",
        "properties": {
            "x": {"type": "number"},
            "y": {"type": "number"},
            "label": {"type": "string"},
        },
        "required": ["x", "y"],
        "additionalProperties": False,
    }
    colour = {"enum": ["red", "blue"], "title": "Colour", "x-python": f"{__name__}.Colour"}
    assert schema == {
        "type": "object",
        "properties": {
            "point": {**point, "description": "where it is to be"},
            "colour": {
                "anyOf": [colour, {"type": "null"}],
                "description": "what it is painted with",
                "default": None,
            },
            "scale": {"type": "number", "description": "how large", "default": 1.0},
            "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        },
        "required": ["point"],
        "additionalProperties": {"type": "integer"},
    }
    assert returns == {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "integer"}},
        "description": "where it is now",
    }
    assert spec.description == "Puts a point somewhere."
    assert spec.metadata["doc"].startswith("Puts a point somewhere.\n\nAnd says where.")
    assert [(item.name, item.description) for item in spec.parameters][:2] == [
        ("point", "where it is to be"),
        ("colour", "what it is painted with"),
    ]


def test_streams_and_hints_that_are_not_there() -> None:
    """[I5.6] A stream returns what its chunks are; a name that only type checkers know spoils no other."""
    assert spec_of("count")[1]["title"] == "Point"
    assert spec_of("acount")[1] == {"type": "integer"}
    schema, returns, _ = spec_of("wait")
    assert schema["properties"] == {"known": {"type": "integer"}, "unknown": {}}
    assert returns == {"type": "string"}


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (Any, {}),
        (None, {"type": "null"}),
        (bool, {"type": "boolean"}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (
            Union[int, Union[str, None]],
            {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
        ),
        (Union[int, Any], {}),
        (Literal["a", 1, None], {"enum": ["a", 1, None]}),
        (Literal[b"a"], {}),
        (
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (set[int], {"type": "array", "x-python": "set", "items": {"type": "integer"}}),
        (
            dict[int, str],
            {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "x-python": "dict",
                "propertyNames": {"type": "integer"},
            },
        ),
        (bytes, {"x-python": "bytes"}),
        (UserId, {"type": "integer"}),
        (
            Sequence[str],  # text, too
            {"type": "array", "x-python": "collections.abc.Sequence", "items": {"type": "string"}},
        ),
        (decimal.Decimal, {"x-python": "decimal.Decimal"}),
        (
            datetime.datetime,
            {"type": "string", "format": "date-time", "x-python": "datetime.datetime"},
        ),
        (np.ndarray, {"x-python": "numpy.ndarray"}),
        (object(), {}),
    ],
)
def test_hints(hint: Any, expected: dict[str, Any]) -> None:
    """[I5.6] Each kind of hint has its schema; what JSON Schema cannot say names the Python type."""
    assert schema_of(hint) == expected


def test_classes() -> None:
    """[I5.6] Dataclasses and named tuples are objects; one that contains itself ends."""
    node = schema_of(Node)
    assert node["properties"]["children"] == {
        "type": "array",
        "items": {"type": "object", "title": "Node"},
    }
    assert node["required"] == ["name", "children"]
    assert schema_of(Pair)["properties"] == {
        "left": {"type": "integer"},
        "right": {"type": "string"},
    }


def test_models_of_pydantic() -> None:
    """[I5.6] A class that describes itself, as pydantic's do, is taken at its word, references inlined."""

    class Model:
        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            item = {"type": "object", "properties": {"again": {"$ref": "#/$defs/Item"}}}
            return {"$defs": {"Item": item}, "properties": {"a": {"$ref": "#/$defs/Item"}}}

    again = {"type": "object", "title": "Item"}
    schema = schema_of(Model)
    assert schema["properties"] == {"a": {"type": "object", "properties": {"again": again}}}
    assert schema["x-python"].endswith("Model")


def test_classes_that_refer_to_each_other() -> None:
    """[I5.6] Many classes that refer to each other do not hold up the start of a worker."""
    names = [f"Model{index}" for index in range(14)]
    references = {name: {"$ref": f"#/$defs/{name}"} for name in names}
    definitions = {name: {"type": "object", "properties": references} for name in names}

    class Model:
        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            return {"$defs": definitions, **references["Model0"]}

    # Written out: more parts than there are grains of sand.
    assert schema_of(Model) == {}


def test_hints_that_raise() -> None:
    """[I5.6] A hint whose class raises, or whose schema is too long, is one that is not known."""

    class Raises:
        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            raise KeyError("no schema")

    class Long(Raises):
        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            return {"description": "x" * MAX_SCHEMA_BYTES}

    class Odd:
        @tool
        def odd(self, a: Any) -> Any: ...

        @tool
        def long(self, a: Any) -> None: ...

    Odd.odd.__annotations__.update({"a": Raises, "return": Raises})
    Odd.long.__annotations__.update({"a": Long, "return": int})
    assert spec_of("odd", Odd)[0]["properties"] == {"a": {}}
    assert spec_of("long", Odd)[0] == {"type": "object"}


NUMPY = """Does it.

Parameters
----------
a, b : int
    Two numbers
    to add.
c
    Another.

Returns
-------
int
    Their sum.
"""
SPHINX = """Does it.

:param int a: One number
    to add.
:param b: Another.
:type b: int
:returns: Their sum.
"""


@pytest.mark.parametrize(
    ("text", "parameters", "returns"),
    [
        (
            NUMPY,
            {"a": "Two numbers to add.", "b": "Two numbers to add.", "c": "Another."},
            "int Their sum.",
        ),
        (SPHINX, {"a": "One number to add.", "b": "Another."}, "Their sum."),
        ("", {}, ""),
        ("Args:", {}, ""),
    ],
)
def test_docstrings(text: str, parameters: dict[str, str], returns: str) -> None:
    """[I5.6] Parameters are described in the style of NumPy or Sphinx as well."""

    def function() -> None: ...

    function.__doc__ = text
    read = read_docstring(function)
    assert (read.parameters, read.returns) == (parameters, returns)


def test_fingerprint() -> None:
    """[I5.6] The fingerprint is that of the interface: it changes with it, and not with the code."""

    class One:
        @tool
        def add(self, a: int) -> int:
            return a

    class Same:
        @tool
        def add(self, a: int) -> int:
            return a + 1

    class Other:
        @tool
        def add(self, a: float) -> int:
            return 1

    one, same, other = (fingerprint(read_tools(cls)) for cls in (One, Same, Other))
    assert one == same != other
