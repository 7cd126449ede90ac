"""Whether an adapter may say that it is fork-safe, found out without importing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

_WORD = "fork_safe"


def may_be_declared(path: str) -> bool:
    """Whether the module of the adapter `package.module.Class` has the word in its text, or nobody can tell.

    Importing it only to hear that it says nothing would take as long as the start of a worker.
    """
    text = _source_of(path.rpartition(".")[0])
    return text is None or _WORD in text


def _source_of(module: str) -> str | None:
    """The text of a module; None if it has none, or cannot be found without running something of it."""
    try:
        spec = _find(module)
        text = spec.loader.get_source(module) if spec else None  # type: ignore[union-attr]
    except Exception:  # noqa: BLE001 - of finders and loaders that others have made
        return None
    return text if isinstance(text, str) else None


def _find(module: str) -> ModuleSpec | None:
    """As the import does, but without importing the packages around it."""
    package, _, _ = module.rpartition(".")
    places: Sequence[str] | None = None
    if package:
        around = _find(package)
        # What is no package has no places, and without any the search would begin at the top.
        if around is None or around.submodule_search_locations is None:
            return None
        places = around.submodule_search_locations
    return _ask_finders(module, places)


def _ask_finders(name: str, places: Sequence[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, places)
        if spec is not None:
            return spec
    return None
