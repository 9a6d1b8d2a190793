"""The lead's decisions on what screening found and on what is disputed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatfeedback.steps.members import bar_person
from workspaces.errors import UsageError
from workspaces.store.disputes import Dispute, decide_dispute
from workspaces.store.flags import review_flag
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.store.flags import Flag, FlagStatus
    from workspaces.workspace import Workspace


def decide(
    workspace: Workspace, ids: Sequence[str], status: FlagStatus, *, by: str | None, take_back: bool = False
) -> list[Flag | Dispute]:
    """Decide flags and disputes by their ids; either all of them or, where one is unknown, none.

    Args:
        workspace: where they were found.
        ids: as ``people review`` lists them.
        status: accepted or dismissed; the same decision again changes nothing.
        by: who decides.
        take_back: set the answers of the flagged people aside as well.

    Raises:
        UsageError: an id is unknown, a dispute shall be taken back, or an accepted deletion dismissed.
    """
    decided: list[Flag | Dispute] = []
    with workspace.exclusive(), workspace.store.write() as connection:
        for name in ids:
            dispute = decide_dispute(connection, name, status, by, utc_now())
            each = dispute or review_flag(connection, name, status, by, utc_now())
            if take_back:
                if isinstance(each, Dispute):
                    raise UsageError(f"{name} is a dispute: --take-back goes with flags alone")
                bar_person(workspace, connection, each.person_id, by)
            decided.append(each)
    return decided
