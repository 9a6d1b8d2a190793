"""The hosts under which the page answers: this machine's own, and that of its address. Any other may be a stranger's.

A page elsewhere can give its own name our address (DNS rebinding), and would then be read as ours.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from workspaces.config.web import LOOPBACK

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MORE_THAN_A_HOST = frozenset("@/?#\\")
"""What an address may have beside a host, and the header of that name may not."""


class OurHosts:
    """The middleware. ``address`` is where people reach the page."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app = app
        self._hosts = LOOPBACK | {host_in(address)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to one of our hosts on, and refuse any other."""
        named = Headers(scope=scope).get("host", "") if scope["type"] == "http" else ""
        host = None if MORE_THAN_A_HOST.intersection(named) else host_in(f"//{named}")
        if scope["type"] == "http" and (host is None or host not in self._hosts):
            await PlainTextResponse("Invalid host header", 400)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def origin_of(host: str, port: int) -> str:
    """Return the address of a server on this machine: one of IPv6 stands in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def host_in(address: str) -> str | None:
    """Return the host of an address in one spelling, without its port; None where it has none or cannot be read."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    try:
        return str(ip_address(host or ""))
    except ValueError:
        return host or None


def place_in(address: str) -> str | None:
    """Return host and port of an address as browsers send them; None where it has none or cannot be read."""
    try:
        return urlsplit(address).netloc.lower() or None
    except ValueError:
        return None
