"""The webhooks by which a Label Studio tells our receiver that answers changed: one for each project.

Label Studio signs nothing: a long random text in a header is what an event is known by. It waits a second for the
receiver, does not try again, and by itself refuses receivers at private addresses (``SSRF_PROTECTION_ENABLED``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from workspaces.errors import CredentialsError
from workspaces.platforms.base import RequestRefusedError
from workspaces.platforms.label_studio.shapes import Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydantic import JsonValue, SecretStr

    from workspaces.platforms.label_studio.connection import LabelStudioConnection

GUARDED = (
    "its guard against private addresses (SSRF_PROTECTION_ENABLED) lets no event reach this machine: 'sync --watch' "
    "asks it every second instead, which is enough. For events, give --address a public URL that leads here"
)

EVENTS = ("ANNOTATIONS_CREATED", "ANNOTATIONS_DELETED", "ANNOTATION_CREATED", "ANNOTATION_UPDATED")
PATH = "/api/webhooks/"
TOKEN_HEADER = "X-ChatFeedback-Token"  # noqa: S105 - its name


def hook(
    connection: LabelStudioConnection, url: str, token: SecretStr, project_ids: Sequence[str]
) -> SecretStr:
    """Make sure that each project has one webhook for the path of ``url``, as it should be; return the token.

    See ``Platform.hook``.

    Raises:
        RequestRefusedError: Label Studio takes no receiver at this address.
    """
    ours = _ours(connection, url)
    for project_id in project_ids:
        there = [each for each in ours if each.project == int(project_id)]
        for other in there[1:]:
            connection.delete(f"{PATH}{other.id}/")
        wanted: dict[str, JsonValue] = {
            "url": url,
            "headers": {TOKEN_HEADER: token.get_secret_value()},
            "actions": [*EVENTS],
            "send_payload": True,
            "send_for_all_actions": False,
            "is_active": True,
        }
        if not there:
            connection.post(PATH, {**wanted, "project": int(project_id)})
        elif there[0] != _as_wanted(there[0], url, token):
            connection.patch(f"{PATH}{there[0].id}/", wanted)
    return token


def hooked_since(connection: LabelStudioConnection, url: str) -> datetime | None:
    """Return when a webhook for the path of ``url`` that is on was changed last."""
    return max((each.updated_at for each in _ours(connection, url) if each.is_active), default=None)


def refuses_receiver(connection: LabelStudioConnection, url: str) -> str | None:
    """Return what to do where the guard against private addresses refuses a receiver at ``url``.

    A webhook that no project can have is asked for: it is refused in any case, and the reason tells.
    """
    try:
        connection.post(PATH, {"url": url, "actions": ["NONE"], "project": -1})
    except (RequestRefusedError, CredentialsError) as refused:  # 403, which is what a wrong key gets as well
        if "reserved network address" in str(refused):
            return GUARDED
    return None


def mute(connection: LabelStudioConnection, url: str) -> None:
    """Switch the webhooks for the path of ``url`` off, of every project."""
    for each in _ours(connection, url):
        connection.patch(f"{PATH}{each.id}/", {"is_active": False})


def unhook(connection: LabelStudioConnection, url: str) -> None:
    """Remove the webhooks for the path of ``url``, of every project."""
    for each in _ours(connection, url):
        connection.delete(f"{PATH}{each.id}/")


def _as_wanted(hook: Webhook, url: str, token: SecretStr) -> Webhook:
    wanted = {
        "url": url,
        "headers": {TOKEN_HEADER: token},
        "actions": frozenset(EVENTS),
        "send_payload": True,
        "send_for_all_actions": False,
        "is_active": True,
    }
    return hook.model_copy(update=wanted)


def _ours(connection: LabelStudioConnection, url: str) -> list[Webhook]:
    path = urlsplit(url).path
    return [each for each in connection.read(list[Webhook], PATH) if urlsplit(each.url).path == path]
