"""A worker that somebody else has started, on this machine or another: it listens where its command
line says, and runtimes come to it. Beyond loopback only with TLS, and never without a token."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from .hosts import Assignment
from .notices import notice

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

    from .arguments import Arguments

TOKEN_VARIABLE = "SNAKEPIT_TOKEN"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# Shorter ones could be found by trying. The runtime asks the same.
MIN_TOKEN_LENGTH = 16


class ListenSetupError(Exception):
    """What the command line names cannot be used."""


class TlsMaterial(NamedTuple):
    """What a server shows, and by what it knows its clients. PEM."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    """Who signs the certificates of clients; None when the token alone tells who they are."""


class ListeningHost:
    """No runtime in particular: whoever has the token, and the certificate if one is asked for."""

    def __init__(self, listen: str, token: str, tls: TlsMaterial | None) -> None:
        self._assignment = Assignment(f"tcp:{listen}", token, None, tls=tls)

    async def wait_for_assignment(self) -> Assignment:
        return self._assignment

    def report_ready(self, address: str, tools: Sequence[str], fingerprint: str) -> None:
        _ = fingerprint  # whoever connects asks for it
        tls = self._assignment.tls
        how = "without TLS" if tls is None else "with mutual TLS" if tls.client_ca else "with TLS"
        notice(f"serving {len(tools)} tools on {address}, {how}")

    async def settle(self) -> None:
        return

    def report_failure(self, code: str, message: str, traceback_text: str | None) -> None:
        return  # stderr has it already


def open_listening_host(
    arguments: Arguments, environ: MutableMapping[str, str] = os.environ
) -> ListeningHost:
    """Reads all that the command line names, before anything listens.

    Takes the token out of the environment, which children would inherit. Raises ListenSetupError.
    """
    host, _, port = arguments.listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ListenSetupError(f"--listen {arguments.listen!r} is not HOST:PORT")
    variable = environ.pop(TOKEN_VARIABLE, "")
    token = _read(arguments.token_file, "--token-file").decode("latin-1").strip()
    tls = _read_tls(arguments)
    if tls is None and host not in LOOPBACK:
        raise ListenSetupError(
            f"refusing to listen on {host!r} without TLS: give --tls-cert and --tls-key, "
            "and --tls-client-ca, so that only clients with a certificate connect"
        )
    return ListeningHost(
        arguments.listen, _check_token(token if arguments.token_file else variable), tls
    )


def _check_token(token: str) -> str:
    if not token:
        raise ListenSetupError(f"there is no token: give --token-file, or set {TOKEN_VARIABLE}")
    if len(token) < MIN_TOKEN_LENGTH or not all("!" <= character <= "~" for character in token):
        raise ListenSetupError(
            f"the token must have at least {MIN_TOKEN_LENGTH} characters, of ASCII and no spaces"
        )
    return token


def _read_tls(arguments: Arguments) -> TlsMaterial | None:
    cert, key, client_ca = arguments.tls_cert, arguments.tls_key, arguments.tls_client_ca
    if not (cert or key or client_ca):
        return None
    if not (cert and key):
        raise ListenSetupError("TLS needs both --tls-cert and --tls-key")
    material = TlsMaterial(
        _read(cert, "--tls-cert"),
        _read(key, "--tls-key"),
        _read(client_ca, "--tls-client-ca") if client_ca else None,
    )
    _try_out(cert, key, client_ca)
    return material


def _try_out(cert: str, key: str, client_ca: str) -> None:
    """gRPC would say no more than that it cannot listen."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A passphrase, so that nobody is asked for one.
        context.load_cert_chain(cert, key, password="")
        if client_ca:
            context.load_verify_locations(client_ca)
    except (ssl.SSLError, OSError, ValueError) as error:
        names = ", ".join(filter(None, (cert, key, client_ca)))
        raise ListenSetupError(f"cannot use {names} for TLS: {error}") from error


def _read(path: str, flag: str) -> bytes:
    if not path:
        return b""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ListenSetupError(f"cannot read {path!r} ({flag}): {error.strerror}") from error
