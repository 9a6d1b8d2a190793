"""The seed feedback that counts for each response: the newest of the judge, or that of several judges together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.seed_feedback.judges import united
from task_generators.seed_feedback.united_seeds import UnitedSeeds
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.seed_index import SeedIndex

if TYPE_CHECKING:
    from workspaces.store.seed_index import Seeds
    from workspaces.workspace import Workspace


def standing_seeds(workspace: Workspace) -> Seeds:
    """Return the seed feedback of each response; several judges are taken together, for which each is in memory."""
    judges = workspace.config.judges()
    if len(judges) > 1:
        with workspace.store.read() as connection:
            return UnitedSeeds(united(all_seeds(connection), judges))
    return SeedIndex(workspace.store.read, *judges)
