"""The command line of a worker: our names, and those of the original."""

from __future__ import annotations

import argparse
import difflib
from typing import TYPE_CHECKING, NoReturn

from . import exit_codes

if TYPE_CHECKING:
    from collections.abc import Sequence


class Arguments(argparse.Namespace):
    """The parsed command line."""

    adapter: str
    worker_id: str
    run_id: str
    port: int
    elixir_address: str
    instance_name: str
    instance_token: str
    health_check: bool
    adapter_args: list[str]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(exit_codes.USAGE, f"{self.format_usage()}{self.prog}: {message}\n")


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parses a command line without the program's name.

    Exits with status 2 and a message on stderr when it is wrong. What follows `--` is left for the
    adapter, which finds it in `sys.argv`.
    """
    parser = _build_parser()
    head, tail = _split_at_dashes(argv)
    arguments, unknown = parser.parse_known_args(head, namespace=Arguments())
    if unknown:
        parser.error(_describe_unknown(unknown[0], parser))
    arguments.adapter_args = tail
    return arguments


def _build_parser() -> _Parser:
    parser = _Parser(
        prog="python -m snakepit_bridge",
        description="Serves the tools of one adapter to a Snakepit runtime.",
        allow_abbrev=False,
    )
    parser.add_argument("--adapter", required=True, metavar="PACKAGE.MODULE.CLASS")
    parser.add_argument("--worker-id", default="", help="name of this worker, for people")
    parser.add_argument("--snakepit-run-id", "--run-id", dest="run_id", default="")
    parser.add_argument(
        "--port",
        type=_port,
        default=0,
        help="loopback TCP port, 0 lets the system choose; unused with a beat channel",
    )
    parser.add_argument("--elixir-address", default="", metavar="HOST:PORT")
    parser.add_argument("--snakepit-instance-name", dest="instance_name", default="")
    parser.add_argument("--snakepit-instance-token", dest="instance_token", default="")
    parser.add_argument(
        "--health-check", action="store_true", help="import the adapter, print JSON, and exit"
    )
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; allowed are 0 to 65535")
    return int(text)


def _split_at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    arguments = list(argv)
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _describe_unknown(argument: str, parser: argparse.ArgumentParser) -> str:
    known = [option for action in parser._actions for option in action.option_strings]
    close = difflib.get_close_matches(argument.split("=")[0], known, n=1)
    hint = f"did you mean {close[0]}?" if close else "put the adapter's own arguments after --"
    return f"unknown argument {argument!r}; {hint}"
