"""Writes a world of answers (``tests.unit.exports``) into a workspace, straight into the store and the collection."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from tests.unit.exports.export_records import CRITERIA, RUBRIC
from workspaces.collection.files import to_batch, write_file
from workspaces.records import SharingState
from workspaces.store.annotations import annotation_revision
from workspaces.store.conversations import ConversationEntry, register
from workspaces.store.near_duplicates import near_duplicate
from workspaces.store.rubrics import save_rubrics
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from tests.unit.exports.export_records import World
    from workspaces.workspace import Workspace

START = datetime(2026, 1, 1, tzinfo=UTC)


def store_world(workspace: Workspace, world: World, near_duplicates: dict[str, str]) -> None:
    """Store a world's conversations, tasks and answers, and which conversations are near duplicates.

    It knows the rubric of the world when it is opened again.
    """
    part = f"part-{0:024}.parquet"
    (workspace.path / "collection").mkdir(exist_ok=True)
    write_file(workspace.path / "collection" / part, pa.Table.from_batches([to_batch(world.conversations)]))
    entries = [
        ConversationEntry(it.id, it.id, part, None, SharingState.SHARED, START, START)
        for it in world.conversations
    ]
    answers = [
        {
            "annotation_id": it.id,
            "revision": it.revision,
            "task_id": it.task_id,
            "person_id": it.person_id,
            "platform": it.platform,
            "response_id": it.id,
            "status": it.status.value,
            "answers": dict(it.values),
            "content_hash": it.id,
            "updated_at": it.updated_at,
            "synced_at": START,
        }
        for it in world.annotations
        if it.task_id in world.tasks
    ]
    groups = [{"conversation_id": name, "group_id": group} for name, group in near_duplicates.items()]
    with workspace.store.write() as connection:
        register(connection, entries)
        save_rubrics(connection, {RUBRIC: CRITERIA}, START)
        save_tasks(connection, list(world.tasks.values()))
        connection.execute(sa.insert(annotation_revision), answers)
        connection.execute(sa.insert(near_duplicate), groups)
