"""Training sets, of what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reward_engine import tip
from workspaces.store.annotations import latest_annotations
from workspaces.store.confidences import latest_confidence
from workspaces.store.tasks import all_tasks
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from pathlib import Path

    from exports import ExportResult
    from workspaces.workspace import Workspace


def export(
    workspace: Workspace, kind: str, folder: Path, *, test_share: float = 0.1, any_licence: bool = False
) -> ExportResult:
    """Write a training set (``dpo`` or ``kto``) of what people answered so far.

    Raises:
        LicenceConflictError: the licences of its rows do not go together, and ``any_licence`` is not said.
    """
    from exports import contexts_of, export_dpo, export_kto  # datasets takes seconds to import

    with workspace.exclusive():
        with workspace.store.read() as connection:
            tasks = all_tasks(connection)
            annotations = latest_annotations(connection)
            weights = {person: row.value for person, row in latest_confidence(connection).items()}
            ledger_tip = tip(connection)
        return {"dpo": export_dpo, "kto": export_kto}[kind](
            folder,
            tasks=tasks,
            annotations=annotations,
            contexts=contexts_of(workspace.collection.scan()),
            weights=weights,
            ledger_tip=ledger_tip.hash,
            created_at=utc_now(),
            test_share=test_share,
            any_licence=any_licence,
        )
