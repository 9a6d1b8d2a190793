"""All tables of the store, for migrations, ``create_all`` and dumps."""

from workspaces.store import (  # noqa: F401 - each module defines its tables when it is imported
    annotations,
    challenges,
    closings,
    confidences,
    consent,
    conversations,
    deletions,
    demographic_answers,
    disputes,
    flags,
    gold,
    holds,
    identities,
    judge_prompts,
    ledger,
    members,
    moderations,
    near_duplicates,
    omissions,
    own_answers,
    people,
    posteriors,
    rules,
    seed_feedback,
    settlements,
    snapshots,
    spending,
    tasks,
    tombstones,
    topics,
    withdrawals,
    written,
)
from workspaces.store.schema import metadata

__all__ = ["metadata"]
