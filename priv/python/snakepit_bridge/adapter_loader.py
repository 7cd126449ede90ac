"""Finds the adapter class a command line names, and says precisely what is wrong when it cannot."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import sys
import traceback
from typing import TYPE_CHECKING, NamedTuple

from .base_adapter import discover_tools, once_for
from .thread_modes import PROCESS_PROFILE, ThreadProfile

if TYPE_CHECKING:
    from types import ModuleType, TracebackType


class AdapterError(Exception):
    """The adapter cannot be used. `code` is one of ADAPTER_NOT_FOUND, ADAPTER_IMPORT,
    ADAPTER_INVALID and ADAPTER_NOT_THREAD_SAFE; `traceback_text` is the adapter's own traceback, if it raised."""

    def __init__(self, code: str, message: str, traceback_text: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.traceback_text = traceback_text


class LoadedAdapter(NamedTuple):
    """An adapter class that can serve calls."""

    cls: type
    tool_names: tuple[str, ...]
    dispatches_itself: bool  # overrides execute_tool(tool_name, arguments, context)
    threading: ThreadProfile = PROCESS_PROFILE


def load_adapter(path: str) -> LoadedAdapter:
    """Imports `package.module.Class`. Raises AdapterError."""
    module_name, _, class_name = path.rpartition(".")
    if not module_name or not all(part.isidentifier() for part in path.split(".")):
        raise AdapterError(
            "ADAPTER_INVALID",
            f"adapter {path!r} is not of the form 'package.module.Class', as in 'my_app.adapter.MyAdapter'",
        )
    module = _import(module_name, path)
    cls = getattr(module, class_name, None)
    if cls is None:
        names = [name for name, value in vars(module).items() if inspect.isclass(value)]
        raise AdapterError(
            "ADAPTER_NOT_FOUND",
            f"module {module_name!r} ({_origin(module)}) has no class {class_name!r}"
            f"{_suggest(class_name, names)}",
        )
    return _examine(cls, path)


def _examine(cls: object, path: str) -> LoadedAdapter:
    if not isinstance(cls, type):
        raise AdapterError(
            "ADAPTER_INVALID", f"adapter {path!r} is a {type(cls).__name__}, not a class"
        )
    tool_names = _names_of_tools(cls)
    dispatches_itself = callable(getattr(cls, "execute_tool", None))
    if not tool_names and not dispatches_itself:
        raise AdapterError(
            "ADAPTER_INVALID",
            f"adapter {path!r} has no tools: put @tool before at least one method (from snakepit_bridge import tool)",
        )
    return LoadedAdapter(cls, tool_names, dispatches_itself)


def _names_of_tools(cls: type) -> tuple[str, ...]:
    return once_for(cls, "_snakepit_tool_names", lambda cls: tuple(discover_tools(cls)))


def _import(module_name: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise _not_found(error.name, path) from None
        raise AdapterError(
            "ADAPTER_IMPORT",
            f"adapter {path!r} needs the module {error.name!r}, which this Python ({sys.executable}) does not have",
            format_traceback(error),
        ) from error
    except BaseException as error:
        raise AdapterError(
            "ADAPTER_IMPORT",
            f"adapter {path!r} raised on import: {type(error).__name__}: {describe_error(error)}",
            format_traceback(error),
        ) from error


def _not_found(missing: str, path: str) -> AdapterError:
    parent, _, name = missing.rpartition(".")
    looked_in = list(getattr(sys.modules.get(parent), "__path__", [])) if parent else _search_path()
    names = [module.name for module in pkgutil.iter_modules(looked_in)]
    places = ", ".join(looked_in) or f"{parent!r} is a module, not a package"
    return AdapterError(
        "ADAPTER_NOT_FOUND",
        f"adapter {path!r}: there is no module {missing!r}{_suggest(name, names)}. Looked in: {places}. "
        "Set the pool's cwd or pythonPath to the directory that contains it",
    )


def _search_path() -> list[str]:
    """Where adapters of an application live: not in the standard library or site-packages."""
    own = (sys.prefix, sys.base_prefix)
    places = [entry or "." for entry in sys.path]
    return [place for place in places if not place.startswith(own)] or places


def _origin(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or "built in"


def _suggest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3)
    return f"; did you mean {' or '.join(repr(item) for item in close)}?" if close else ""


def describe_error(error: BaseException) -> str:
    """The text of an exception, whose `__str__` may be foreign and raise."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - its failure is the text
        return f"<str() of the exception raised {type(broken).__name__}>"


def format_traceback(error: BaseException, *, chain: bool = True) -> str:
    """The traceback as Python prints it, without the frames of this package and of the import
    machinery above the foreign code."""
    frames = skip_own_frames(error.__traceback__) or error.__traceback__
    try:
        lines = traceback.format_exception(type(error), error, frames, chain=chain)
    except Exception:  # noqa: BLE001 - foreign code; an exception may raise when it is looked at
        kind = type(error)
        lines = [*traceback.format_tb(frames), f"{kind.__module__}.{kind.__name__}\n"]
    return "".join(lines)


def skip_own_frames(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the first foreign frame on; None when there is none."""
    while frames is not None:
        name = frames.tb_frame.f_globals.get("__name__", "")
        if name.split(".")[0] not in ("snakepit_bridge", "importlib", "concurrent", "asyncio"):
            return frames
        frames = frames.tb_next
    return None
