"""Evidence in tables, as portions of a workspace hold it, from evidence in objects."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from exports import Evidence, contexts_of
from exports.plain_evidence import EvidenceColumns
from exports.splits import digest_of, normalised_opening
from workspaces.collection.files import to_batch

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from workspaces.records import Annotation, Conversation, Task


@dataclass(frozen=True)
class TestPortion:
    """A portion of evidence that has both forms."""

    __test__ = False

    conversations: Sequence[Conversation]
    evidence: Evidence

    def columns(self) -> EvidenceColumns:
        """Return it as tables."""
        groups = self._groups()
        openings = [_opening(chat) for chat in self.conversations]
        chats = pa.Table.from_batches([to_batch(self.conversations)])
        chats = chats.append_column("opening", pa.array(openings, pa.binary(8)))
        chats = chats.append_column(
            "group", pa.array([groups[it.id] for it in self.conversations], pa.int64())
        )
        everybody = replace(self.evidence, tasks={}, annotations=(), contexts={})
        tasks = [_task_row(task, groups) for task in self.evidence.tasks.values()]
        answers = [_answer_row(it) for it in sorted(self.evidence.annotations, key=lambda it: it.id)]
        return EvidenceColumns(
            pa.Table.from_pylist(tasks, TASKS),
            pa.Table.from_pylist(answers, ANSWERS),
            chats,
            everybody,
            aside=[it.task_id for it in self.evidence.annotations if it.id in self.evidence.set_aside],
        )

    def __call__(self, groups: Collection[int] | None = None) -> Evidence:
        """Return it, or what is in these groups alone."""
        if groups is None:
            return self.evidence
        known = self._groups()
        kept = [chat for chat in self.conversations if known[chat.id] in groups]
        every = self.evidence.tasks
        tasks = {name: task for name, task in every.items() if _group(task, known) in groups}
        answers = [it for it in self.evidence.annotations if it.task_id in tasks or it.task_id not in every]
        return replace(self.evidence, tasks=tasks, annotations=answers, contexts=contexts_of(kept))

    def _groups(self) -> dict[str, int]:
        """Return the group of each conversation: what a task, an opening or a near duplicate links is in one."""
        links = [[*task.conversation_ids] for task in self.evidence.tasks.values()]
        for chat in self.conversations:
            near = self.evidence.near_duplicates.get(chat.id)
            links.append([chat.id, *_openings(chat), *([] if near is None else [f"near {near}"])])
        groups: dict[str, int] = {}
        for number, names in enumerate(links):
            joined = {groups[name] for name in names if name in groups}
            groups |= dict.fromkeys(names, number)
            groups = {name: number if group in joined else group for name, group in groups.items()}
        return groups


def _openings(chat: Conversation) -> set[str]:
    return {normalised_opening(context.prompt) for context in contexts_of([chat]).values()}


def _opening(chat: Conversation) -> bytes | None:
    found = _openings(chat)
    return digest_of(found.pop()) if len(found) == 1 else None


def _group(task: Task, groups: dict[str, int]) -> int:
    return groups[task.conversation_ids[0]] if task.conversation_ids else -1


TASKS = pa.schema(
    [
        *((name, pa.string()) for name in ("task_id", "kind", "message_ids", "rules_version", "platform")),
        ("reask_of", pa.string()),
        ("rewrites", pa.string()),
        ("group", pa.int64()),
    ]
)
ANSWERS = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("annotation_id", "task_id", "person_id", "platform", "status", "answers")
        ),
        ("updated_at", pa.timestamp("us", "UTC")),
    ]
)


def _task_row(task: Task, groups: dict[str, int]) -> dict[str, object]:
    return {
        "task_id": task.id,
        "kind": task.kind,
        "message_ids": json.dumps(task.message_ids),
        "rules_version": task.rules_version,
        "platform": task.platform,
        "reask_of": task.reask_of,
        "rewrites": json.dumps(task.rewrites) if task.rewrites else None,
        "group": _group(task, groups),
    }


def _answer_row(it: Annotation) -> dict[str, object]:
    return {
        "annotation_id": it.id,
        "task_id": it.task_id,
        "person_id": it.person_id,
        "platform": it.platform,
        "status": it.status.value,
        "answers": json.dumps(dict(it.values)),
        "updated_at": it.updated_at,
    }
