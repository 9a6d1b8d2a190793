"""What every page works with: the workspace, the key that signs cookies, the clock, and the limits.

``Part`` is what a module of pages adds to the application.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.web.limits import Limits
from workspaces.privacy import create_key, read_key
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import SecretBytes
    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from chatfeedback.steps import OnOffer
    from chatfeedback.web.openid import OpenIdProvider
    from chatfeedback.web.snapshots import Snapshot
    from workspaces.workspace import Workspace

KEY_NAME = "web.key"


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the navigation; ``for_lead``: shown to the lead alone."""

    path: str
    title: str
    for_lead: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The pages of one module.

    Args:
        routes: their routes.
        navigation: what stands in the navigation of whoever is signed in.
        without_cookies: beginnings of paths that programs use with a key of their own. No cookie reaches them, so that
            nobody is signed in there and no CSRF token is asked for; they check their keys, and limit their bodies.
        from_anywhere: the paths among them that programs in pages of other sites use.
    """

    routes: tuple[BaseRoute, ...]
    navigation: tuple[Link, ...] = ()
    without_cookies: tuple[str, ...] = ()
    from_anywhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """One workspace as a web page. ``address`` is where people reach it, without a slash at the end.

    ``on_offer`` is what is open on the platforms, ``balances`` are those of every account of the ledger,
    and ``unread`` the ids of the messages that each person has not read. ``openid`` is the provider by which people
    sign in, too; None where there is none.
    """

    workspace: Workspace
    key: SecretBytes
    address: str
    navigation: tuple[Link, ...]
    on_offer: Snapshot[OnOffer]
    balances: Snapshot[Mapping[str, int]]
    unread: Snapshot[Mapping[str, frozenset[str]]]
    clock: Callable[[], datetime] = utc_now
    limits: Limits = field(default_factory=Limits)
    openid: OpenIdProvider | None = None

    def signature(self, purpose: str, text: str) -> str:
        """Return the signature of a text for one purpose, 64 hexadecimal digits."""
        message = f"{purpose}\x1f{text}".encode()
        return hmac.digest(self.key.get_secret_value(), message, "sha256").hex()

    def is_signed(self, purpose: str, text: str, signature: str) -> bool:
        """Return whether a signature is that of a text; in constant time."""
        return hmac.compare_digest(self.signature(purpose, text).encode(), signature.encode())


def web_key(workspace: Workspace) -> SecretBytes:
    """Return the key that signs cookies; made where there is none.

    Raises:
        ConfigurationError: it is damaged; delete it, and everybody signs in again.
    """
    path = workspace.path / "secrets" / KEY_NAME
    if not path.exists():
        create_key(path)
    return read_key(path, "web")


def site_of(request: Request) -> Site:
    """Return the site that a request came to."""
    site: Site = request.app.state.site
    return site
