"""Whether an adapter may declare itself fork-safe is read from its text, not by importing it."""

from __future__ import annotations

import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from snakepit_bridge.forking.declaration import may_be_declared

if TYPE_CHECKING:
    from pathlib import Path

DECLARES = "raise RuntimeError('imported')\nclass A:\n    fork_safe = True\n"
SILENT = "raise RuntimeError('imported')\nclass A: ...\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "some_app" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "some_app" / "__init__.py").write_text(SILENT)
    (package / "__init__.py").write_text("")
    (tmp_path / "spread_app" / "some").mkdir(parents=True)
    (tmp_path / "spread_app" / "silent.py").write_text(SILENT)
    (tmp_path / "spread_app" / "some" / "silent.py").write_text(SILENT)
    (package / "declares.py").write_text(DECLARES)
    (package / "silent.py").write_text(SILENT)
    (tmp_path / "silent.py").write_text(SILENT)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("path", "may"),
    [
        ("some_app.inner.declares.A", True),
        ("some_app.inner.silent.A", False),
        ("some_app.A", False),
        # Whoever asks hears why.
        ("some_app.nowhere.A", True),
        ("spread_app.silent.A", False),
        ("spread_app.A", True),  # a namespace package has no text
        (
            "spread_app.some.silent.A",
            True,
        ),  # nor can one in another be looked into without importing that
        # Not the module of that name at the top.
        ("some_app.inner.declares.silent.A", True),
        ("no_such_app.x.A", True),
        ("builtins.A", True),
        ("A", True),
        ("", True),
    ],
)
def test_text(path: str, may: bool) -> None:
    """[I7.1] The word is looked for where the adapter is named; nothing is imported, not even the packages around it."""
    before = set(sys.modules)
    assert may_be_declared(path) is may
    assert not [name for name in set(sys.modules) - before if "app" in name]


def test_archives(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[I7.1] In an archive, too; text that cannot be read may say anything."""
    archive = folder / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("packed_silent.py", SILENT)
        file.writestr("packed_declares.py", DECLARES)
    monkeypatch.syspath_prepend(str(archive))
    assert may_be_declared("packed_silent.A") is False
    assert may_be_declared("packed_declares.A") is True
    (folder / "unreadable.py").write_bytes(b"# coding: none-such\n\xff\n")
    assert may_be_declared("unreadable.A") is True


def test_finders_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """[I7.1] A finder that raises keeps nobody from being asked."""

    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            raise OSError(name)

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert may_be_declared("some_other_app.A") is True
