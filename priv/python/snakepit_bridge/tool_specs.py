"""What callers may know about a tool: its parameters, from the method's signature."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from .base_adapter import ToolMetadata, discover_tools
from .gen import snakepit_bridge_pb2 as pb2
from .serialization import EncodingError, encode_any, encode_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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


def _read_tool(adapter_class: type, name: str, metadata: ToolMetadata) -> Tool:
    raw = inspect.getattr_static(adapter_class, name)
    function: Callable[..., Any] = getattr(adapter_class, name)
    signature = inspect.signature(function)
    if not isinstance(raw, (staticmethod, classmethod)):
        # The instance is bound at the call.
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    return Tool(name, metadata, signature, is_async)


def _type_name(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return "any"
    if isinstance(annotation, str):
        return annotation
    if isinstance(annotation, type) and not hasattr(annotation, "__args__"):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def to_proto(tool: Tool) -> pb2.ToolSpec:
    """The tool as the contract's message."""
    return pb2.ToolSpec(
        name=tool.name,
        description=tool.metadata.description,
        parameters=[_parameter_to_proto(parameter) for parameter in tool.parameters()],
        metadata={"required_variables": json.dumps(tool.metadata.required_variables)},
        supports_streaming=tool.metadata.supports_streaming,
    )


def _parameter_to_proto(parameter: Parameter) -> pb2.ParameterSpec:
    spec = pb2.ParameterSpec(name=parameter.name, type=parameter.type, required=parameter.required)
    if parameter.required:
        return spec
    try:
        text = encode_json(parameter.default)
    except EncodingError:
        return spec  # a default that only Python can express
    spec.default_value.CopyFrom(encode_any(parameter.default))
    spec.validation_json = f'{{"default":{text.decode("utf-8")}}}'
    return spec
