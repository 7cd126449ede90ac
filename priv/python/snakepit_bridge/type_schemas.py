"""Type hints as JSON Schema, for those who call tools from another language.

A hint that JSON Schema cannot express has the key `x-python` with the name of the Python type; what
else its schema says is then a help for readers, and nothing to refuse a value for.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime
import decimal
import enum
import pathlib
import sys
import typing
import uuid
from typing import Any, Union

Schema = dict[str, Any]

# A hint of ours would be read by nobody below this; recursive types end here at the latest.
MAX_DEPTH = 8
MAX_ENUM = 200
# Classes that refer to each other would be written out in every order. What has more parts than this
# is longer than anybody takes.
MAX_PARTS = 4000

_PLAIN: dict[Any, Schema] = {
    type(None): {"type": "null"},
    None: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    list: {"type": "array"},
    tuple: {"type": "array"},
    dict: {"type": "object"},
    bytes: {"x-python": "bytes"},
    bytearray: {"x-python": "bytes"},
    memoryview: {"x-python": "bytes"},
    set: {"type": "array", "x-python": "set"},
    frozenset: {"type": "array", "x-python": "set"},
    datetime.datetime: {
        "type": "string",
        "format": "date-time",
        "x-python": "datetime.datetime",
    },
    datetime.date: {"type": "string", "format": "date", "x-python": "datetime.date"},
    datetime.time: {"type": "string", "format": "time", "x-python": "datetime.time"},
    datetime.timedelta: {"x-python": "datetime.timedelta"},
    decimal.Decimal: {"x-python": "decimal.Decimal"},
    uuid.UUID: {"type": "string", "format": "uuid", "x-python": "uuid.UUID"},
    complex: {"x-python": "complex"},
}

_LISTS = (list, abc.MutableSequence)
# Text is one of these, too, and of some a dictionary.
_LOOSE_LISTS = (abc.Sequence, abc.Collection, abc.Iterable)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)
STREAMS = (
    abc.Iterable,
    abc.Iterator,
    abc.Generator,
    abc.AsyncIterable,
    abc.AsyncIterator,
    abc.AsyncGenerator,
)
AWAITABLES = (abc.Awaitable, abc.Coroutine)


def schema_of(hint: Any) -> Schema:
    """The schema of a type hint; an empty one for what may be anything, or is not understood.

    Never raises: what foreign classes do when they are looked at is no reason not to start.
    """
    try:
        return _schema(hint, (_Parts(),))
    except Exception:  # noqa: BLE001 - foreign code; without a schema the tool works as well
        return {}


class _Parts:
    """How many parts the schema of one hint may still get; the first of its parents."""

    def __init__(self) -> None:
        self._left = MAX_PARTS

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("the schema has too many parts")


def description_of(hint: Any) -> str:
    """The text that `Annotated[..., "text"]` gives, or an empty one."""
    for item in getattr(hint, "__metadata__", ()):
        text = item if isinstance(item, str) else None
        text = text or getattr(item, "documentation", None) or getattr(item, "description", None)
        if isinstance(text, str):
            return text
    return ""


def item_of(hint: Any, origins: tuple[Any, ...]) -> Any:
    """What a hint such as `Iterator[X]` or `Awaitable[X]` is about; the hint itself for others."""
    origin = typing.get_origin(hint)
    arguments = typing.get_args(hint)
    if hint in origins:
        return Any
    if origin not in origins or not arguments:
        return hint
    return arguments[2] if origin is abc.Coroutine and len(arguments) == 3 else arguments[0]


def _schema(hint: Any, parents: tuple[Any, ...]) -> Schema:
    plain = _plain(hint)
    if plain is not None:
        return dict(plain)
    parents[0].take()
    if len(parents) > MAX_DEPTH:
        return {}
    origin = typing.get_origin(hint)
    if origin is not None:
        return _generic(hint, origin, typing.get_args(hint), (*parents, None))
    for attribute in ("__supertype__", "__value__"):  # NewType, `type X = ...`
        inner = getattr(hint, attribute, None)
        if inner is not None:
            return _schema(inner, (*parents, None))
    bound = getattr(hint, "__bound__", None)
    if bound is not None:
        return _schema(bound, (*parents, None))
    return _class(hint, parents) if isinstance(hint, type) else {}


def _plain(hint: Any) -> Schema | None:
    if hint is Any or hint is object:
        return {}
    try:
        return _PLAIN.get(hint)
    except TypeError:  # not hashable
        return {}


def _generic(
    hint: Any, origin: Any, arguments: tuple[Any, ...], parents: tuple[Any, ...]
) -> Schema:
    if hasattr(hint, "__metadata__"):  # Annotated
        schema = _schema(arguments[0] if arguments else hint.__origin__, parents)
        text = description_of(hint)
        return {**schema, "description": text} if text else schema
    if origin is Union or _form(hint) == "UnionType":
        return _union([_schema(item, parents) for item in arguments])
    if origin is typing.Literal:
        return _enum(list(arguments))
    if origin is tuple:
        return _tuple(arguments, parents)
    if origin in _SETS:
        return {"type": "array", "x-python": "set", **_items(arguments, parents)}
    if origin in _LOOSE_LISTS:
        return {"type": "array", "x-python": _name(origin), **_items(arguments, parents)}
    if origin in _LISTS:
        return {"type": "array", **_items(arguments, parents)}
    if origin in _MAPPINGS:
        return _mapping(arguments, parents)
    if _form(hint) in ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar"):
        return _schema(arguments[0], parents)
    return _schema(origin, parents) if isinstance(origin, type) else {}


def _form(hint: Any) -> str:
    """The name of a special form such as `NotRequired[...]`, also that of typing_extensions."""
    origin = typing.get_origin(hint)
    name = getattr(origin, "_name", None) or getattr(origin, "__name__", None)
    return name if isinstance(name, str) else ""


def _union(members: list[Schema]) -> Schema:
    if {} in members:
        return {}
    distinct: list[Schema] = []
    for member in members:
        for item in member["anyOf"] if set(member) == {"anyOf"} else [member]:
            if item not in distinct:
                distinct.append(item)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _enum(values: list[Any]) -> Schema:
    is_plain = all(item is None or type(item) in (str, int, bool, float) for item in values)
    if not is_plain or len(values) > MAX_ENUM:
        return {}
    return {"enum": values}


def _tuple(arguments: tuple[Any, ...], parents: tuple[Any, ...]) -> Schema:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return {"type": "array", **_items(arguments[:1], parents)}
    if arguments == ((),):  # how Python 3.9 and 3.10 say tuple[()]
        arguments = ()
    items = [_schema(item, parents) for item in arguments]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _items(arguments: tuple[Any, ...], parents: tuple[Any, ...]) -> Schema:
    items = _schema(arguments[0], parents) if arguments else {}
    return {"items": items} if items else {}


def _mapping(arguments: tuple[Any, ...], parents: tuple[Any, ...]) -> Schema:
    if len(arguments) != 2:
        return {"type": "object"}
    keys, values = (_schema(item, parents) for item in arguments)
    schema: Schema = {"type": "object"}
    if values:
        schema["additionalProperties"] = values
    if keys != {"type": "string"} and keys:
        # In JSON every key is text: a dictionary with others may travel in another form.
        schema.update({"x-python": "dict", "propertyNames": keys})
    return schema


def _class(cls: type, parents: tuple[Any, ...]) -> Schema:
    name = cls.__name__
    if cls in parents:
        return {"type": "object", "title": name}  # described further up
    inside = (*parents, cls)
    if issubclass(cls, enum.Enum):
        return {**_enum([member.value for member in cls]), "title": name, "x-python": _name(cls)}
    if issubclass(cls, dict) and hasattr(cls, "__total__"):
        return _typed_dict(cls, inside)
    if callable(getattr(cls, "model_json_schema", None)):
        return {**_pydantic(cls, parents[0]), "x-python": _name(cls)}
    if dataclasses.is_dataclass(cls):
        names = {field.name for field in dataclasses.fields(cls)}
        required = [item.name for item in dataclasses.fields(cls) if _is_required(item)]
        return {**_object(cls, names, required, inside), "x-python": _name(cls)}
    fields = getattr(cls, "_fields", None)
    if issubclass(cls, tuple) and isinstance(fields, tuple):
        return {**_object(cls, set(fields), list(fields), inside), "x-python": _name(cls)}
    if issubclass(cls, pathlib.PurePath):
        return {"type": "string", "x-python": _name(cls)}
    # The subclass of a plain type is one of those, too.
    for base in (str, bool, int, float):
        if issubclass(cls, base):
            return {**_PLAIN[base], "x-python": _name(cls)}
    return {"x-python": _name(cls)}


def _typed_dict(cls: type, parents: tuple[Any, ...]) -> Schema:
    hints = resolve_hints(cls)
    # Where hints are text, the class itself could not see their NotRequired.
    optional = {name for name, hint in hints.items() if _form(hint) == "NotRequired"}
    keys = set(getattr(cls, "__required_keys__", ())) - optional
    return _object(cls, set(hints), [name for name in hints if name in keys], parents)


def _object(cls: type, names: set[str], required: list[str], parents: tuple[Any, ...]) -> Schema:
    hints = resolve_hints(cls)
    properties = {name: _schema(hints.get(name, Any), parents) for name in hints if name in names}
    return {
        "type": "object",
        "title": cls.__name__,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _is_required(field: dataclasses.Field[Any]) -> bool:
    nothing = dataclasses.MISSING
    return field.default is nothing and field.default_factory is nothing


def _pydantic(cls: Any, parts: _Parts) -> Schema:
    whole = cls.model_json_schema()
    definitions = whole.pop("$defs", {})
    return typing.cast("Schema", _inline(whole, definitions, 0, parts))


def _inline(node: Any, definitions: dict[str, Any], depth: int, parts: _Parts) -> Any:
    """The same schema without references, which would mean something else inside of another one."""
    parts.take()
    if depth > 4 * MAX_DEPTH:
        return {}
    if isinstance(node, list):
        return [_inline(item, definitions, depth + 1, parts) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        inner = {key: value for key, value in definitions.items() if key != name}
        found = definitions.get(name)
        if found is None:
            return {"type": "object", "title": name}
        return _inline(found, inner, depth + 1, parts)
    return {key: _inline(value, definitions, depth + 1, parts) for key, value in node.items()}


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def resolve_hints(target: Any) -> dict[str, Any]:
    """The type hints of a class or function, evaluated one by one when one of them cannot be: names
    that are imported for type checkers only are no reason to lose the others."""
    try:
        return typing.get_type_hints(target, include_extras=True)
    except Exception:  # noqa: BLE001 - foreign names
        return _resolve_each(target)


def _resolve_each(target: Any) -> dict[str, Any]:
    module = sys.modules.get(getattr(target, "__module__", ""), None)
    scope = getattr(target, "__globals__", None) or vars(module or typing)
    return {
        name: _resolve(name, hint, scope)
        for name, hint in getattr(target, "__annotations__", {}).items()
    }


def _resolve(name: str, hint: Any, scope: dict[str, Any]) -> Any:
    class Holder:
        __annotations__ = {name: hint}

    try:
        return typing.get_type_hints(Holder, scope, include_extras=True)[name]
    except Exception:  # noqa: BLE001 - it cannot be known, then
        return Any
