"""Which conversations tasks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.select import COLUMNS, Known, Selector
from workspaces.store import labelling as hygiene
from workspaces.store import near_duplicates

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from task_generators.select import Selection
    from workspaces.workspace import Workspace


def select_conversations(workspace: Workspace, in_use: AbstractSet[str]) -> Selection:
    """Look at the hygiene of every shared conversation; ``in_use`` are those that have tasks."""
    config = workspace.config
    with workspace.store.read() as connection:
        known = Known(
            groups=near_duplicates.all_groups(connection),
            scores=hygiene.latest_scores(connection) if config.select.challenge is not None else {},
            moderated=hygiene.flagged_messages(connection),
            in_use=in_use,
        )
    selector = Selector(config.select, known, trivial=config.mix.trivial)
    for batch in workspace.collection.scan_batches(COLUMNS):
        selector.look(batch)
    return selector.selection()
