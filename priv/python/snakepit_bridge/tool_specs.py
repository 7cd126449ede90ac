"""What callers may know about a tool, from the method's signature, type hints and docstring."""

from __future__ import annotations

import hashlib
import inspect
import json
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from .base_adapter import ToolMetadata, discover_tools, once_for
from .docstrings import Docstring, read_docstring
from .gen import snakepit_bridge_pb2 as pb2
from .serialization import JSON_TYPE_URL
from .type_schemas import (
    AWAITABLES,
    STREAMS,
    Schema,
    description_of,
    item_of,
    resolve_hints,
    schema_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# Name under which a worker tells about its tools; no method can have it.
DESCRIBE_TOOLS = "snakepit.describe_tools"
# Name under which a worker tells about itself, to a runtime that has not started it.
DESCRIBE_WORKER = "snakepit.describe_worker"

# A schema is a help, and a foreign class may describe itself at any length.
MAX_SCHEMA_BYTES = 32 * 1024


class Parameter(NamedTuple):
    """One parameter of a tool."""

    name: str
    type: str
    required: bool
    default: Any


class Tool(NamedTuple):
    """A tool as the worker sees it."""

    name: str
    metadata: ToolMetadata
    signature: inspect.Signature
    is_async: bool
    function: Callable[..., Any]

    def parameters(self) -> list[Parameter]:
        """What callers may pass by name; `*args` and `**kwargs` have no name of their own."""
        return [
            Parameter(
                item.name, _type_name(item.annotation), item.default is item.empty, item.default
            )
            for item in self.signature.parameters.values()
            if item.kind in (item.POSITIONAL_OR_KEYWORD, item.KEYWORD_ONLY)
        ]

    def mismatch(self, arguments: Mapping[str, object]) -> str | None:
        """Why these arguments do not fit, or None when they do."""
        try:
            self.signature.bind(**arguments)
        except TypeError as error:
            return str(error)
        return None


def read_tools(adapter_class: type) -> dict[str, Tool]:
    """The tools of an adapter class, by name."""
    return {
        name: _read_tool(adapter_class, name, metadata)
        for name, metadata in discover_tools(adapter_class).items()
    }


def tools_of(adapter_class: type) -> Mapping[str, Tool]:
    """As `read_tools`, once for each class."""
    return once_for(adapter_class, "_snakepit_tools", read_tools)


def fingerprint_of(adapter_class: type) -> str:
    """As `fingerprint`, once for each class."""
    return once_for(adapter_class, "_snakepit_fingerprint", lambda cls: fingerprint(tools_of(cls)))


class ArgumentNames(NamedTuple):
    """What is enough to know of most signatures."""

    required: frozenset[str]
    all: frozenset[str]


def argument_names_of(adapter_class: type) -> Mapping[str, ArgumentNames | None]:
    """Names of arguments, by tool, once for each class; None for signatures that are not so simple."""
    return once_for(
        adapter_class,
        "_snakepit_argument_names",
        lambda cls: {name: _argument_names(tool) for name, tool in tools_of(cls).items()},
    )


def _argument_names(tool: Tool) -> ArgumentNames | None:
    kinds = [item.kind for item in tool.signature.parameters.values()]
    if any(kind not in (kind.POSITIONAL_OR_KEYWORD, kind.KEYWORD_ONLY) for kind in kinds):
        return None
    parameters = tool.parameters()
    return ArgumentNames(
        frozenset(item.name for item in parameters if item.required),
        frozenset(item.name for item in parameters),
    )


def _read_tool(adapter_class: type, name: str, metadata: ToolMetadata) -> Tool:
    raw = inspect.getattr_static(adapter_class, name)
    function: Callable[..., Any] = getattr(adapter_class, name)
    signature = inspect.signature(function)
    if not isinstance(raw, (staticmethod, classmethod)):
        # The instance is bound at the call.
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return Tool(name, metadata, signature, is_async, function)


def _type_name(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "any"
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def to_proto(tool: Tool) -> pb2.ToolSpec:
    """The tool as the contract's message. Its metadata holds what the schema has no field for:
    `input_schema` and `output_schema` (JSON Schema), `returns` (the hint as text) and `doc`."""
    docstring = read_docstring(tool.function)
    texts = {**docstring.parameters}
    metadata = {"required_variables": json.dumps(tool.metadata.required_variables)}
    hints = _hints_of(tool)
    metadata["input_schema"] = _limited(_input_schema(tool, hints, texts), {"type": "object"})
    metadata["output_schema"] = _limited(_output_schema(tool, hints, docstring), {})
    metadata["returns"] = _type_name(tool.signature.return_annotation)
    if tool.metadata.thread_sensitive:
        metadata["thread_sensitive"] = "true"
    if docstring.text:
        metadata["doc"] = docstring.text
    return pb2.ToolSpec(
        name=tool.name,
        description=tool.metadata.description,
        parameters=[
            _parameter_to_proto(parameter, texts.get(parameter.name, ""))
            for parameter in tool.parameters()
        ],
        metadata=metadata,
        supports_streaming=tool.metadata.supports_streaming,
    )


def to_registration(tool: Tool) -> pb2.ToolRegistration:
    """The tool as a worker registers it for a session. What is said about it besides is too much for
    a registry: it is asked for where it is needed."""
    spec = to_proto(tool)
    return pb2.ToolRegistration(
        name=spec.name,
        description=spec.description,
        parameters=spec.parameters,
        supports_streaming=spec.supports_streaming,
    )


def fingerprint(tools: Mapping[str, Tool]) -> str:
    """Changes when anything does that callers may know of these tools."""
    digest = hashlib.sha256()
    for name in sorted(tools):
        digest.update(to_proto(tools[name]).SerializeToString(deterministic=True))
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def describe(tool: Tool) -> dict[str, Any]:
    """The tool as plain data, for `--health-check`."""
    spec = to_proto(tool)
    return {
        "name": spec.name,
        "description": spec.description,
        "parameters": [
            {"name": item.name, "type": item.type, "required": item.required}
            for item in spec.parameters
        ],
        "metadata": dict(spec.metadata),
        "supportsStreaming": spec.supports_streaming,
    }


def _hints_of(tool: Tool) -> dict[str, Any]:
    function = inspect.unwrap(getattr(tool.function, "__func__", tool.function))
    return resolve_hints(function)


def _input_schema(tool: Tool, hints: Mapping[str, Any], texts: dict[str, str]) -> Schema:
    properties: dict[str, Schema] = {}
    for parameter in tool.parameters():
        hint = hints.get(parameter.name, Any)
        schema = schema_of(hint)
        text = texts.get(parameter.name) or description_of(hint)
        if text:
            schema["description"] = texts[parameter.name] = text
        if not parameter.required and _json_of(parameter.default) is not None:
            schema["default"] = parameter.default
        properties[parameter.name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": [item.name for item in tool.parameters() if item.required],
        "additionalProperties": _further_arguments(tool, hints),
    }


def _further_arguments(tool: Tool, hints: Mapping[str, Any]) -> bool | Schema:
    for item in tool.signature.parameters.values():
        if item.kind is item.VAR_KEYWORD:
            return schema_of(hints.get(item.name, Any)) or True
    return False


def _output_schema(tool: Tool, hints: Mapping[str, Any], docstring: Docstring) -> Schema:
    hint = item_of(hints.get("return", Any), AWAITABLES)
    if tool.metadata.supports_streaming:
        hint = item_of(hint, STREAMS)
    schema = schema_of(hint)
    return {**schema, "description": docstring.returns} if docstring.returns else schema


def _limited(schema: Schema, otherwise: Schema) -> str:
    text = _json_of(schema)
    if text is None or len(text) > MAX_SCHEMA_BYTES:
        return json.dumps(otherwise)
    return text


def _json_of(value: object) -> str | None:
    """The value as JSON text; None for what only Python can express."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        return None
    return text


def _parameter_to_proto(parameter: Parameter, description: str) -> pb2.ParameterSpec:
    spec = pb2.ParameterSpec(
        name=parameter.name,
        type=parameter.type,
        description=description,
        required=parameter.required,
    )
    text = None if parameter.required else _json_of(parameter.default)
    if text is not None:
        spec.default_value.type_url = JSON_TYPE_URL
        spec.default_value.value = text.encode("utf-8")
        spec.validation_json = f'{{"default":{text}}}'
    return spec
