"""Gold: tasks with a right answer from the project lead. Annotators never see these answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import upsert
from workspaces.store.schema import UTCDateTime, metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

gold = sa.Table(
    "gold",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("answer", sa.Text, nullable=False, comment="the right one, by the project lead"),
    sa.Column("added_at", UTCDateTime, nullable=False),
)


def save_gold(connection: sa.Connection, answers: Mapping[str, Mapping[str, str]], now: datetime) -> None:
    """Mark tasks as gold: ``{task id: {question: right answer}}``. A new answer replaces an earlier one."""
    rows = [
        {"task_id": task_id, "question": question, "answer": answer, "added_at": now}
        for task_id, by_question in answers.items()
        for question, answer in by_question.items()
    ]
    upsert(connection, gold, rows, update=("answer", "added_at"))


def all_gold(connection: sa.Connection) -> dict[str, dict[str, str]]:
    """Return ``{task id: {question: right answer}}`` of every gold task, in ascending order."""
    answers: dict[str, dict[str, str]] = {}
    query = sa.select(gold.c.task_id, gold.c.question, gold.c.answer).order_by(
        gold.c.task_id, gold.c.question
    )
    for task_id, question, answer in connection.execute(query):
        answers.setdefault(task_id, {})[question] = answer
    return answers


def delete_gold(connection: sa.Connection, task_ids: Iterable[str]) -> int:
    """Delete every right answer to these tasks; return how many there were."""
    return sum(
        connection.execute(sa.delete(gold).where(gold.c.task_id.in_(ids))).rowcount
        for ids in in_chunks(task_ids)
    )
