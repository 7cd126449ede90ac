"""The command line of a worker: our names, and those of the original."""

from __future__ import annotations

import argparse
import difflib
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from . import exit_codes
from .thread_modes import MODES, OFF, WARN, ThreadProfile

if TYPE_CHECKING:
    from collections.abc import Sequence


# What a host of the original may say besides: the death of the runtime is noticed here by other means
# than a heartbeat.
_WITHOUT_EFFECT = (
    "--heartbeat-enabled",
    "--heartbeat-interval-ms",
    "--heartbeat-timeout-ms",
    "--heartbeat-max-missed",
    "--heartbeat-initial-delay-ms",
    "--heartbeat-dependent",
    "--heartbeat-independent",
)


_USUAL = {"--adapter": "adapter", "--worker-id": "worker_id", "--snakepit-run-id": "run_id"}
_OF_LISTEN = ("tls_cert", "tls_key", "tls_client_ca", "token_file")


class Arguments(argparse.Namespace):
    """The parsed command line."""

    adapter: str
    worker_id: str
    run_id: str
    port: int
    elixir_address: str
    listen: str
    tls_cert: str
    tls_key: str
    tls_client_ca: str
    token_file: str
    instance_name: str
    instance_token: str
    health_check: bool
    max_workers: int
    thread_safety_check: str
    threading: ThreadProfile
    adapter_args: list[str]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(exit_codes.USAGE, f"{self.format_usage()}{self.prog}: {message}\n")


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parses a command line without the program's name.

    Exits with status 2 and a message on stderr when it is wrong. What follows `--` is left for the
    adapter, which finds it in `sys.argv`.
    """
    usual = _read_usual(argv)
    if usual is not None:
        return usual
    parser = _build_parser()
    head, tail = _split_at_dashes(argv)
    arguments, unknown = parser.parse_known_args(head, namespace=Arguments())
    if unknown:
        parser.error(_describe_unknown(unknown[0], parser))
    if not arguments.listen and any(getattr(arguments, name) for name in _OF_LISTEN):
        parser.error("--tls-... and --token-file go with --listen")
    arguments.adapter_args = tail
    arguments.threading = ThreadProfile(arguments.max_workers, arguments.thread_safety_check)
    return arguments


def _read_usual(argv: Sequence[str]) -> Arguments | None:
    """What most runtimes say, and nothing else; None for any other command line.

    A parser that knows everything takes each of a thousand forked workers longer, and costs it more memory.
    """
    names, values = argv[::2], argv[1::2]
    is_usual = (
        len(names) == len(values)
        and "--adapter" in names
        and all(name in _USUAL for name in names)
        and not any(value.startswith("-") for value in values)
    )
    if not is_usual:
        return None
    arguments = Arguments(**vars(_parse_nothing()))
    for name, value in zip(names, values):
        setattr(arguments, _USUAL[name], value)
    arguments.adapter_args = []
    return arguments


@cache
def _parse_nothing() -> Arguments:
    """What is not said."""
    arguments = _build_parser().parse_args(["--adapter", ""], namespace=Arguments())
    arguments.threading = ThreadProfile(arguments.max_workers, arguments.thread_safety_check)
    return arguments


@cache  # for workers that are forked: their server has built it
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
    _add_listening(parser)
    parser.add_argument("--snakepit-instance-name", dest="instance_name", default="")
    parser.add_argument("--snakepit-instance-token", dest="instance_token", default="")
    for flag in _WITHOUT_EFFECT:
        parser.add_argument(flag, nargs="?", help=argparse.SUPPRESS)
    parser.add_argument(
        "--max-workers",
        type=_count,
        default=0,
        metavar="N",
        help="thread profile: so many calls run at the same time, which the adapter must allow",
    )
    parser.add_argument(
        "--thread-safety-check",
        nargs="?",
        choices=MODES,
        default=OFF,
        const=WARN,
        help="thread profile: look for what is risky; strict refuses it",
    )
    parser.add_argument(
        "--health-check", action="store_true", help="import the adapter, print JSON, and exit"
    )
    return parser


def _add_listening(parser: _Parser) -> None:
    group = parser.add_argument_group(
        "workers that runtimes connect to", "the token comes from a file or from SNAKEPIT_TOKEN"
    )
    group.add_argument(
        "--listen", default="", metavar="HOST:PORT", help="beyond loopback only with TLS"
    )
    group.add_argument("--tls-cert", default="", metavar="FILE", help="certificate chain, PEM")
    group.add_argument("--tls-key", default="", metavar="FILE", help="its private key, PEM")
    group.add_argument(
        "--tls-client-ca",
        default="",
        metavar="FILE",
        help="only clients with a certificate that this authority signed may connect; PEM",
    )
    group.add_argument("--token-file", default="", metavar="FILE")


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed are 1 to 1000")
    return int(text)


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
