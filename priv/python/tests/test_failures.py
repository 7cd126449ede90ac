"""What a caller hears of an exception."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from snakepit_bridge.failures import (
    MAX_DETAILS_CHARS,
    describe_exception,
    describe_exception_briefly,
)


def payload(error: BaseException) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(describe_exception(error, "t", "s"))
    return fields


def caught(action: Any) -> BaseException:
    try:
        action()
    except BaseException as error:  # noqa: BLE001 - whatever it raises is what the test wants
        return error
    raise AssertionError("it did not raise")


def raise_chain() -> None:
    try:
        try:
            raise KeyError("inner", 7)
        except KeyError:
            raise OSError(2, "middle")  # noqa: B904 - the context is what is tested
    except OSError as error:
        raise ValueError("outer") from error


def test_arguments() -> None:
    """[I5.10] Arguments that JSON can express arrive as they are, others as their `repr`."""
    fields = payload(ValueError("text", 5, None, [1.5], {"a": 1}, b"b"))
    assert fields["args"] == ["text", 5, None, [1.5], {"a": 1}, "b'b'"]
    assert "notes" not in fields
    assert "causes" not in fields


def test_chain() -> None:
    """[I5.10] The chain of causes and contexts arrives, nearest first, each with its own traceback."""
    causes = payload(caught(raise_chain))["causes"]
    assert [(item["type"], item["message"], item["relation"]) for item in causes] == [
        ("FileNotFoundError", "[Errno 2] middle", "cause"),
        ("KeyError", "('inner', 7)", "context"),
    ]
    assert causes[1]["args"] == ["inner", 7]
    assert "raise_chain" in causes[0]["traceback"]
    assert "KeyError" not in causes[0]["traceback"]


def test_suppressed_context() -> None:
    """[I5.10] `raise ... from None` hides what was being handled."""

    def hide() -> None:
        try:
            raise KeyError("secret")
        except KeyError:
            raise ValueError("shown") from None

    fields = payload(caught(hide))
    assert "causes" not in fields
    assert "secret" not in fields["traceback"]


def test_endless_chain() -> None:
    """[I5.10] Exceptions that name each other as their cause are told of once; a long chain is cut."""
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert [item["message"] for item in payload(first)["causes"]] == ["2"]
    long: BaseException = ValueError("0")
    for number in range(1, 100):
        error = ValueError(str(number))
        error.__cause__ = long
        long = error
    assert len(payload(long)["causes"]) == 10


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 has notes and groups")
def test_notes_and_groups() -> None:
    """[I5.10] Notes and the exceptions of a group arrive, at most twenty of these."""
    error = ValueError("x")
    error.add_note("first note")  # type: ignore[attr-defined, unused-ignore]
    assert payload(error)["notes"] == ["first note"]
    group_type: Any = __builtins__["ExceptionGroup"]  # type: ignore[index]
    inner = group_type("inner", [KeyError(number) for number in range(100)])
    fields = payload(group_type("outer", [OSError("o"), inner]))
    first, second = fields["exceptions"]
    assert (first["type"], first["message"]) == ("OSError", "o")
    assert second["type"] == "ExceptionGroup"
    assert [item["args"] for item in second["exceptions"]] == [[number] for number in range(18)]


def test_what_an_exception_hides() -> None:
    """[I5.10] Nothing that an exception does when it is asked keeps its caller from hearing of it."""

    class Unspeakable(Exception):  # noqa: N818 - a name
        def __str__(self) -> str:
            raise RuntimeError("no")

        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no")

    fields = payload(Unspeakable(1))
    assert fields["type"] == "Unspeakable"
    assert fields["args"] == [1]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert payload(ValueError(deep))["args"] == ["<repr() of list raised RecursionError>"]


def test_brief() -> None:
    """[I5.10] In a stream's status there is room for type, message and the end of the traceback."""
    error = caught(raise_chain)
    error.args = ("x" * 1500, ["y" * 1900] * 10)
    error.__cause__ = ValueError("z" * 1900)
    text = describe_exception_briefly(error, "t", "s")
    fields = json.loads(text)
    assert len(text) <= MAX_DETAILS_CHARS
    assert (fields["type"], fields["causes"]) == ("ValueError", [])
    assert fields["traceback"]
