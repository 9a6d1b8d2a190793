"""The webhook by which an Argilla tells our receiver that answers changed: registered, repaired, removed.

Argilla sends the events of all its datasets to it, and signs them with a secret of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from workspaces.platforms.argilla.shapes import Webhook, Webhooks

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import SecretStr

    from workspaces.platforms.argilla.connection import ArgillaConnection

EVENTS = ("response.created", "response.deleted", "response.updated")
PATH = "/api/v1/webhooks"
DESCRIPTION = "ChatFeedback Workbench: answers reach wallets at once (chatfeedback sync --watch)"


def hook(connection: ArgillaConnection, url: str) -> SecretStr:
    """Make sure that there is one webhook for the path of ``url``, as it should be; return its secret.

    See ``Platform.hook``.
    """
    ours = _ours(connection, url)
    if not ours:
        body = {"url": url, "events": [*EVENTS], "description": DESCRIPTION}
        return connection.post(Webhook, PATH, body).secret
    kept, *others = ours
    for other in others:
        connection.delete(f"{PATH}/{other.id}")
    if (kept.url, sorted(kept.events), kept.enabled) != (url, [*EVENTS], True):
        connection.patch(f"{PATH}/{kept.id}", {"url": url, "events": [*EVENTS], "enabled": True})
    return kept.secret


def hooked_since(connection: ArgillaConnection, url: str) -> datetime | None:
    """Return when the webhook for the path of ``url`` that is on was changed last."""
    return max((each.updated_at for each in _ours(connection, url) if each.enabled), default=None)


def mute(connection: ArgillaConnection, url: str) -> None:
    """Switch the webhooks for the path of ``url`` off."""
    for each in _ours(connection, url):
        connection.patch(f"{PATH}/{each.id}", {"enabled": False})


def unhook(connection: ArgillaConnection, url: str) -> None:
    """Remove the webhooks for the path of ``url``."""
    for each in _ours(connection, url):
        connection.delete(f"{PATH}/{each.id}")


def _ours(connection: ArgillaConnection, url: str) -> list[Webhook]:
    path = urlsplit(url).path
    return [each for each in connection.read(Webhooks, PATH).items if urlsplit(each.url).path == path]
