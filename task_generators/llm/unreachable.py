"""Why a server could not be reached, in words, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Iterator


_ENDED = (
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientPayloadError,
    aiohttp.ClientResponseError,
    ssl.SSLError,
    ConnectionResetError,
)


def reason_of(error: BaseException, section: str, seconds: float) -> str:
    """Return why a connection failed, and a remedy; one line without any address.

    Args:
        error: the error, whose causes tell the reason.
        section: the section of the configuration that names the server.
        seconds: the deadline of a request.
    """
    causes = list(_causes(error))

    def is_a(kind: type[BaseException]) -> bool:
        return any(isinstance(cause, kind) for cause in causes)

    check = f"check {section}.base_url"
    refused = [
        cause
        for cause in causes
        if isinstance(cause, ssl.SSLCertVerificationError) and not isinstance(cause, aiohttp.ClientError)
    ]
    if refused:
        return (
            f"its certificate is refused ({refused[0].verify_message}): {check}; if an authority of your own signed "
            "it, name the authority's file in the environment variable SSL_CERT_FILE"
        )
    if is_a(aiohttp.ClientHttpProxyError) or is_a(aiohttp.ClientProxyConnectionError):
        return (
            "the proxy between here and there does not let us through: check HTTPS_PROXY and HTTP_PROXY, "
            "or name the host in NO_PROXY"
        )
    hung_up = is_a(ConnectionResetError) and is_a(aiohttp.ClientConnectorError)  # in the handshake
    if is_a(aiohttp.ClientConnectorSSLError) or hung_up:
        return f"it does not speak TLS: {check} (http or https?)"
    if is_a(TimeoutError):
        return (
            f"no whole reply within {seconds:g} seconds: try again later, or raise {section}.timeout_seconds"
        )
    if is_a(socket.gaierror):
        return f"its name is not known: {check} and the network"
    if is_a(ConnectionRefusedError):
        return f"nothing listens there: is it running? Else {check}"
    if any(map(is_a, _ENDED)):
        return f"it ended the connection, or speaks no HTTP: {check}, or try again later"
    if is_a(aiohttp.InvalidURL):
        return f"its address cannot be used: {check}"
    return f"the network fails ({type(causes[-1]).__name__}): {check} and the network, or try again later"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, outermost first, also inside of groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
