"""Writes training sets from the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import exports
from chatfeedback.steps.answers import without_own
from reward_engine import tip
from workspaces.config.people import OwnLogs
from workspaces.store.annotations import latest_annotations
from workspaces.store.confidences import latest_confidence
from workspaces.store.own_answers import own_answers
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace


def export(
    workspace: Workspace, name: str, folder: Path, *, test_share: float = 0.1, any_licence: bool = False
) -> exports.ExportResult:
    """Write a training set from the answers so far.

    Args:
        workspace: whose answers.
        name: the name of the projection (``exports.all_projections``).
        folder: where the training set goes.
        test_share: the share of groups of related rows that goes into the test split, 0 to 1.
        any_licence: write it even if the licences of its rows conflict.

    Raises:
        UnknownProjectionError: there is no projection of this name.
        LicenceConflictError: the licences of its rows conflict, and ``any_licence`` is not set.
    """
    projection = exports.projection_of(name)
    with workspace.exclusive():
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
            annotations = latest_annotations(connection)
            weights = {person: row.value for person, row in latest_confidence(connection).items()}
            ledger_tip = tip(connection)
            own = own_answers(connection)
        _, set_aside = without_own(annotations, own, workspace.config.quality.own)
        if workspace.config.quality.own is OwnLogs.ALLOWED:
            set_aside = []
        return exports.export(
            folder,
            projection,
            exports.Evidence(
                tasks,
                annotations,
                exports.contexts_of(workspace.collection.scan()),
                weights,
                own=frozenset(annotation.id for annotation in set_aside),
            ),
            ledger_tip=ledger_tip.hash,
            created_at=utc_now(),
            test_share=test_share,
            any_licence=any_licence,
        )
