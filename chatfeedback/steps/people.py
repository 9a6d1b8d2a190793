"""People, found by the names they go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


def find_person(workspace: Workspace, name: str) -> str:
    """Return the id of the person whom a pseudonym, an e-mail address or a user name means.

    Raises:
        UsageError: nobody here has that name.
    """
    person_id = workspace.pseudonyms.resolve(name, workspace.config.platforms.names())
    if person_id is None:
        raise UsageError(f"nobody here is {name!r}: give a pseudonym from 'chatfeedback leaderboard'")
    return person_id
