"""What a member of a Label Studio can do that answering does not need: found out by asking, nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from workspaces.platforms.base import RequestRefusedError
from workspaces.platforms.label_studio.session import strangers_may_sign_up
from workspaces.platforms.label_studio.shapes import TokenSettings

if TYPE_CHECKING:
    from workspaces.platforms.label_studio.connection import LabelStudioConnection

REMEDY = (
    "'pip install label-studio-door' (from a checkout: workspaces/servers/plugins/label-studio-door) where Label "
    "Studio is installed, and start 'label-studio-door' instead of 'label-studio', or set "
    "DJANGO_SETTINGS_MODULE=label_studio_door.settings"
)

WITHOUT_THE_DOOR = (
    "every member can read, change, sign with another name and delete others' answers",
    "every member can read the names and e-mail addresses of all others",
    "every member can change and delete projects and tasks, and write instructions with markup",
    "every member can switch off API tokens for all, reset the invitation and remove members",
    "every member can set up webhooks, machine-learning backends and storages",
)
"""The community edition's permissions are all the same: to be signed in."""


def open_doors(connection: LabelStudioConnection) -> tuple[str, ...]:
    """Return the open doors, a sentence each; the first says how to close what is open to members."""
    doors: list[str] = []
    if not connection.is_behind_our_door():
        first, *more = WITHOUT_THE_DOOR
        doors += [f"{first}. Close it, and all that members can do: {REMEDY}", *more]
    if strangers_may_sign_up(connection.url):
        doors.append(
            "anybody can sign up without an invitation. Close it: set DISABLE_SIGNUP_WITHOUT_LINK=true where Label "
            "Studio starts"
        )
    if _legacy_tokens(connection):
        doors.append(
            "API tokens that never expire are accepted. Close it: in Label Studio open Organization, API Tokens "
            "Settings, and switch legacy tokens off"
        )
    return tuple(doors)


def _legacy_tokens(connection: LabelStudioConnection) -> bool:
    try:
        return connection.read(TokenSettings, "/api/jwt/settings").legacy_api_tokens_enabled
    except RequestRefusedError as error:  # an older Label Studio has no such settings, and no other tokens
        if error.status != httpx.codes.NOT_FOUND:
            raise
        return True
