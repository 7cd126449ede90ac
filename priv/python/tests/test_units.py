"""Small parts, without a worker."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from typing import Any

import pytest

import snakepit_bridge
from snakepit_bridge import BaseAdapter, tool
from snakepit_bridge.arguments import parse_arguments
from snakepit_bridge.base_adapter import ToolMetadata, discover_tools
from snakepit_bridge.calls import Calls, DrainingError
from snakepit_bridge.failures import (
    MAX_DETAILS_CHARS,
    describe_bad_arguments,
    describe_exception_briefly,
    describe_unknown_tool,
)
from snakepit_bridge.hosts import write_atomically
from snakepit_bridge.process_group import list_other_members, parse_stat
from snakepit_bridge.sessions import Sessions
from snakepit_bridge.tool_specs import read_tools, to_proto

from .harness import executing


class Sample(BaseAdapter):
    @tool
    def bare(self, a: int, *rest: str, b: list[int] | None = None, **more: object) -> None:
        """First line.

        Second."""

    @tool(description="Described", supports_streaming=True, required_variables=["x"])
    def described(self) -> None: ...

    @staticmethod
    @tool
    def static(a: int) -> int:
        return a

    def no_tool(self) -> None: ...


def test_discovery() -> None:
    """[I2.5] Only decorated methods are tools; the docstring's first line describes a bare one."""
    assert discover_tools(Sample) == {
        "bare": ToolMetadata("First line.", False, ()),
        "described": ToolMetadata("Described", True, ("x",)),
        "static": ToolMetadata("", False, ()),
    }


def test_parameter_specs() -> None:
    """[I2.5] Parameters come from the signature; *args and **kwargs have no name to pass."""
    spec = to_proto(read_tools(Sample)["bare"])
    assert [(p.name, p.type, p.required, p.validation_json) for p in spec.parameters] == [
        ("a", "int", True, ""),
        ("b", "list[int] | None", False, '{"default":null}'),
    ]
    static = to_proto(read_tools(Sample)["static"])
    assert [parameter.name for parameter in static.parameters] == ["a"]


def test_arguments() -> None:
    """[I2.5] Our names and the original's are understood; what follows -- is the adapter's."""
    parsed = parse_arguments(
        ["--adapter", "a.B", "--run-id", "r1", "--port", "7", "--worker-id", "w", "--", "--mine"]
    )
    assert (parsed.adapter, parsed.run_id, parsed.port) == ("a.B", "r1", 7)
    assert parsed.adapter_args == ["--mine"]
    parsed = parse_arguments(["--adapter", "a.B", "--snakepit-run-id", "r2", "--health-check"])
    assert (parsed.run_id, parsed.health_check) == ("r2", True)


def test_usual_arguments() -> None:
    """[I2.5] What most runtimes say is understood as the parser does, which is asked for all else."""
    usual = ["--worker-id", "w", "--adapter", "a.B", "--snakepit-run-id", ""]
    parsed = parse_arguments(usual)
    assert vars(parsed) == vars(parse_arguments([*usual, "--port", "0"]))
    assert (parsed.adapter, parsed.worker_id, parsed.run_id) == ("a.B", "w", "")
    parsed.adapter_args.append("mine alone")
    assert parse_arguments(usual).adapter_args == []


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "--adapter"),
        (["--worker-id", "w"], "--adapter"),
        (["--adapter", "a.B", "--worker-id"], "expected one argument"),
        (["--adapter", "a.B", "--worker-id", "--port"], "expected one argument"),
        (["--adapter", "a.B", "--port", "x"], "'x' is not a port; allowed are 0 to 65535"),
        (["--adapter", "a.B", "--port", "70000"], "'70000' is not a port"),
        (["--adapter", "a.B", "--adaptor", "c.D"], "did you mean --adapter?"),
        (["--adapter", "a.B", "--zzz"], "put the adapter's own arguments after --"),
    ],
)
def test_wrong_arguments(argv: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """[I2.5] A wrong command line exits with 2 and says what is wrong."""
    with pytest.raises(SystemExit) as caught:
        parse_arguments(argv)
    assert caught.value.code == 2
    assert text in capsys.readouterr().err


def test_details_fit_into_a_trailer() -> None:
    """[I2.5] Whatever the names, details stay small enough for gRPC, and JSON."""
    names = [f"tool_{number}_" + "x" * 300 for number in range(500)]
    text = describe_unknown_tool("y" * 100_000, names)
    assert len(text) <= MAX_DETAILS_CHARS
    assert json.loads(text)["available"]
    text = describe_bad_arguments(read_tools(Sample)["bare"], "z" * 100_000)
    assert len(text) <= MAX_DETAILS_CHARS
    error = ValueError("m" * 100_000)
    text = describe_exception_briefly(error, "t", "s")
    assert len(text) <= MAX_DETAILS_CHARS
    assert json.loads(text)["type"] == "ValueError"


def test_sessions_are_bounded() -> None:
    """[I2.5] The session unused for longest makes room."""
    sessions = Sessions(limit=2)
    sessions.open("a", {})
    sessions.open("b", {})
    sessions.find("a")
    sessions.open("c", {})
    assert sessions.find("b") is None
    assert sessions.find("a") is not None
    assert sessions.close("a")
    assert not sessions.close("a")


def test_draining() -> None:
    """[R3.2] Draining refuses new calls, and ends when the last one has ended."""

    async def scenario() -> None:
        calls = Calls()
        with executing(calls):
            assert calls.count() == 1
            assert not await calls.drain(0.01)
            with pytest.raises(DrainingError), executing(calls):
                pass
        assert calls.count() == 0
        assert await calls.drain(0)

    asyncio.run(scenario())


def test_ready_file_is_atomic(tmp_path: Any) -> None:
    """[I2.5] The ready file appears whole, and no temporary one stays."""
    write_atomically(str(tmp_path / "ready"), "123")
    assert os.listdir(tmp_path) == ["ready"]
    assert (tmp_path / "ready").read_text() == "123"


def test_names_with_parentheses() -> None:
    """[R3.3] A process name that looks like the rest of the line does not confuse the parser."""
    assert parse_stat(b"7 (x) S 1 (x y) R 3 4 5")[:3] == ["R", "3", "4"]


def test_own_group() -> None:
    """[R3.3] Looking at the own group lists its other members, and nobody of another group."""
    member = subprocess.Popen(["sleep", "1000"])
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        others = list_other_members()
    finally:
        for child in (member, stranger):
            child.kill()
            child.wait()
    assert member.pid in others
    assert stranger.pid not in others
    assert os.getpid() not in others


def test_unknown_export() -> None:
    """[I2.5] A wrong name of the package is an AttributeError, and dir() shows the right ones."""
    assert "BaseAdapter" in dir(snakepit_bridge)
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = snakepit_bridge.nope


def test_no_session_outside_calls() -> None:
    """[I2.5] The session exists only during a call, and the message says so."""
    with pytest.raises(RuntimeError, match="only while a worker runs"):
        _ = Sample().session_context
