"""What a docstring says about parameters, in any of the three usual styles."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_CHARS = 8192

_SPHINX = re.compile(r"^:(?:param|parameter|arg)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_SPHINX_RETURNS = re.compile(r"^:returns?:\s*(.*)$")
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_PARAMETERS = ("args", "arguments", "parameters", "params", "keyword args", "other parameters")
_RETURNS = ("returns", "return", "yields", "yield")


class Docstring(NamedTuple):
    """A docstring, read."""

    text: str
    parameters: dict[str, str]
    returns: str


def read_docstring(function: Callable[..., Any]) -> Docstring:
    """The docstring of a function; empty without one."""
    text = (inspect.getdoc(function) or "")[:MAX_CHARS]
    parameters: dict[str, str] = {}
    returns: list[str] = []
    for heading, body in _sections(text.splitlines()):
        if heading in _PARAMETERS:
            parameters.update(_read_parameters(body))
        elif heading in _RETURNS:
            returns.extend(line.strip() for line in body)
    sphinx = _read_fields(text.splitlines())
    result = sphinx.pop("", None) or " ".join(line for line in returns if line)
    return Docstring(text, {**parameters, **sphinx}, result)


def _sections(lines: list[str]) -> Iterable[tuple[str, list[str]]]:
    """The sections of the styles of Google and NumPy: their headings, and the lines below them."""
    heading: str | None = None
    body: list[str] = []
    for index, line in enumerate(lines):
        below = lines[index + 1].strip() if index + 1 < len(lines) else ""
        word = line.strip().rstrip(":").lower()
        underlined = len(below) > 2 and set(below) == {"-"}
        if line.strip() and not line[0].isspace() and (underlined or line.rstrip().endswith(":")):
            if heading is not None:
                yield heading, body
            heading, body = word, []
        elif heading is not None and not (line.strip() and set(line.strip()) == {"-"}):
            body.append(line)
    if heading is not None:
        yield heading, body


def _read_parameters(body: list[str]) -> dict[str, str]:
    """Entries that begin at the indentation of the first one; deeper lines go on with their text."""
    filled = [line for line in body if line.strip()]
    if not filled:
        return {}
    margin = min(len(line) - len(line.lstrip()) for line in filled)
    found: dict[str, list[str]] = {}
    current: list[list[str]] = []
    for line in filled:
        text = line.strip()
        if len(line) - len(line.lstrip()) > margin:
            for entry in current:
                entry.append(text)
            continue
        google = _GOOGLE.match(text) if margin > 0 else None
        numpy = _NUMPY.match(text) if margin == 0 else None
        names = [google[1]] if google else re.split(r"\s*,\s*", numpy[1]) if numpy else []
        current = [found.setdefault(name, [google[2]] if google else []) for name in names]
    return {name: " ".join(filter(None, texts)) for name, texts in found.items()}


def _read_fields(lines: list[str]) -> dict[str, str]:
    """The fields of Sphinx, by parameter; under the empty name what is returned."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        text = line.strip()
        field = _SPHINX.match(text)
        returns = _SPHINX_RETURNS.match(text)
        if field:
            current = found.setdefault(field[1], [field[2]])
        elif returns:
            current = found.setdefault("", [returns[1]])
        elif text.startswith(":") or not text:
            current = None
        elif current is not None:
            current.append(text)
    return {name: " ".join(filter(None, texts)) for name, texts in found.items()}
