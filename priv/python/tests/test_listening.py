"""Workers that somebody else starts: what they read before they listen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from snakepit_bridge.arguments import parse_arguments
from snakepit_bridge.listening_host import ListenSetupError, open_listening_host

TOKEN = "b1946ac92492d2347c6235b4d2611184"


def open_host(listen: str, *flags: str, **environ: str) -> Any:
    arguments = parse_arguments(["--adapter", "a.B", "--listen", listen, *flags])
    return open_listening_host(arguments, environ)


def test_takes_the_token_out_of_the_environment() -> None:
    """[I5.12] Children do not inherit it."""
    arguments = parse_arguments(["--adapter", "a.B", "--listen", "localhost:0"])
    environ = {"SNAKEPIT_TOKEN": TOKEN, "HOME": "/"}
    assignment = asyncio.run(open_listening_host(arguments, environ).wait_for_assignment())
    assert environ == {"HOME": "/"}
    assert (assignment.listen, assignment.token) == ("tcp:localhost:0", TOKEN)
    assert assignment.bridge is None
    assert assignment.tls is None


def test_reads_the_token_from_a_file(tmp_path: Path) -> None:
    """[I5.12] The file wins; the newline of an editor is none of it."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    host = open_host("[::1]:7443", "--token-file", str(file), SNAKEPIT_TOKEN="x" * 32)
    assert asyncio.run(host.wait_for_assignment()).token == TOKEN


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "localhost.example:1"])
def test_refuses_to_listen_beyond_loopback_without_tls(listen: str) -> None:
    """[I5.12]"""
    with pytest.raises(ListenSetupError, match="without TLS"):
        open_host(listen, SNAKEPIT_TOKEN=TOKEN)


@pytest.mark.parametrize("listen", ["localhost", ":7443", "localhost:http", "localhost:65536"])
def test_refuses_what_is_no_address(listen: str) -> None:
    with pytest.raises(ListenSetupError, match="is not HOST:PORT"):
        open_host(listen, SNAKEPIT_TOKEN=TOKEN)


@pytest.mark.parametrize("token", ["", "short", "with a space in the middle", "ü" * 20])
def test_refuses_a_weak_token_without_showing_it(token: str) -> None:
    """[I5.12]"""
    with pytest.raises(ListenSetupError, match="token") as caught:
        open_host("localhost:1", SNAKEPIT_TOKEN=token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("flag", ["--tls-cert", "--tls-key", "--tls-client-ca", "--token-file"])
def test_the_flags_go_with_listen(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it they would do nothing, and somebody would believe that they do."""
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--adapter", "a.B", flag, "x"])
    assert caught.value.code == 2
    assert "go with --listen" in capsys.readouterr().err
