"""One pass over the shared conversations: which are selected, what is known of them, and the outline of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from task_generators import outlines, traits
from task_generators.flag_rules import moderation_flags
from task_generators.outlines import OutlineReader
from task_generators.select import COLUMNS, Known
from task_generators.selections import Selectors
from task_generators.traits import Facts
from workspaces.store import near_duplicates
from workspaces.store.challenges import united_scores
from workspaces.store.moderations import flagged_messages
from workspaces.store.topic_labels import Labels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    import sqlalchemy as sa

    from task_generators.outlines import Levels, Outlines
    from task_generators.selections import Selections
    from workspaces.keys import KeyIndex
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Survey:
    """What the pass found; rows are those of the outlines, and ``index`` finds the ids of conversations in them."""

    selections: Selections
    outlines: Outlines
    index: KeyIndex
    facts: Facts


def survey(
    workspace: Workspace, in_use: AbstractSet[str], levels: Levels, *, prompts: bool, characters: bool
) -> Survey:
    """Look at every shared conversation once; call it while the workspace is locked.

    Args:
        workspace: whose conversations, and what its configuration asks for.
        in_use: the conversations that have tasks.
        levels: of the seed feedback.
        prompts: whether tasks compare responses to one prompt.
        characters: whether the lengths of texts are wanted.
    """
    mixes = workspace.config.all_mixes()
    selectors = _selectors(workspace, in_use)
    with workspace.store.read() as connection:
        facts = Facts(
            mixes, Labels(connection), _scores(workspace, connection), _moderated(workspace, connection)
        )
    reader = OutlineReader(levels, prompts=prompts, characters=characters)
    columns = (*COLUMNS, *outlines.COLUMNS, *traits.COLUMNS)
    for batch in workspace.collection.scan_batches(columns, locked=True):
        selectors.look(batch)
        reader.look(batch)
        facts.look(batch)
    selections, read = selectors.selections(), reader.outlines()
    index = selections.usual.taken.index
    facts.close(read, index, selections.shown_at_all())
    return Survey(selections, read, index, facts)


def select_conversations(workspace: Workspace, in_use: AbstractSet[str]) -> Selections:
    """Select the shared conversations that tasks are made of, by kind; ``in_use`` are those that have tasks."""
    selectors = _selectors(workspace, in_use)
    for batch in workspace.collection.scan_batches(COLUMNS):
        selectors.look(batch)
    return selectors.selections()


def _selectors(workspace: Workspace, in_use: AbstractSet[str]) -> Selectors:
    config = workspace.config
    with workspace.store.read() as connection:
        known = Known(
            groups=near_duplicates.all_groups(connection),
            scores=united_scores(connection, config.judges()) if config.select.challenge is not None else {},
            moderated=flagged_messages(connection),
            in_use=in_use,
        )
    trivial = any(mix.trivial for mix in config.all_mixes().values())
    return Selectors(config.select, known, trivial=trivial)


def _scores(workspace: Workspace, connection: sa.Connection) -> Mapping[str, float]:
    needed = any(mix.only.challenge is not None for mix in workspace.config.all_mixes().values())
    return united_scores(connection, workspace.config.judges()) if needed else {}


def _moderated(workspace: Workspace, connection: sa.Connection) -> Mapping[str, frozenset[str]]:
    """Return the flags that moderation endpoints gave, by conversation; none where no mix filters by flags."""
    if not any(mix.only.flags for mix in workspace.config.all_mixes().values()):
        return {}
    return {
        name: frozenset(flag for categories in messages.values() for flag in moderation_flags(categories))
        for name, messages in flagged_messages(connection).items()
    }
