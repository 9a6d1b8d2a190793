"""People, found by the names they go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import UsageError
from workspaces.privacy import CHAT_LOG

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def find_person(workspace: Workspace, name: str) -> str:
    """Return the id of the person whom a pseudonym, an e-mail address, a user name or a name in the chat logs means.

    Raises:
        UsageError: nobody here has that name.
    """
    person_id = workspace.pseudonyms.resolve(name, (*workspace.config.platforms.names(), CHAT_LOG))
    if person_id is None:
        raise UsageError(
            f"nobody here is {name!r}: give a pseudonym ('chatfeedback leaderboard' shows them), or a name on a "
            "platform or in the chat logs"
        )
    return person_id
