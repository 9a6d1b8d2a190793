"""Attributes of tasks: language, topic and models of the messages shown, and the week of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality.agreement.by import iso_weeks
from workspaces.collection.message_attributes import message_attributes
from workspaces.store.topics import topics_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.records import Task
    from workspaces.workspace import Workspace


def task_attributes(workspace: Workspace, tasks: Sequence[Task], answered: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task.

    Args:
        workspace: its collection holds the attributes of messages. Those of messages that are in no held or shared
            conversation are not known.
        tasks: the tasks to describe.
        answered: columns ``task_id`` and ``at``, one row per answer.

    Returns:
        The index ``task_id``; text columns ``language``, ``topic``, ``model`` and ``other_model``: for a comparison,
        the models of the two responses in ascending order of their message ids; for other tasks, ``model`` is that of
        the response; and ``week``, the ISO week of the last answer. Missing where not known.
    """
    shown = [sorted(task.message_ids) for task in tasks]
    conversations = sorted({name for task in tasks for name in task.conversation_ids})
    attributes = message_attributes(
        workspace.collection, conversations, (name for names in shown for name in names)
    )
    messages = attributes.drop_duplicates("message_id").set_index("message_id")
    with workspace.store.read() as connection:
        topics = topics_of(connection, conversations)
    first = pd.Series([names[0] for names in shown], dtype="object")
    second = pd.Series([names[1] if len(names) > 1 else None for names in shown], dtype="object")
    weeks = iso_weeks(answered.groupby("task_id")["at"].max())
    table = pd.DataFrame(
        {
            # the collection holds no rewrite, which may be the first of the two
            "language": first.map(messages["language"]).combine_first(second.map(messages["language"])),
            "topic": [topics.get(task.conversation_ids[0]) for task in tasks],
            "model": first.map(messages["model"]),
            "other_model": second.map(messages["model"]),
        },
        dtype="object",
    )
    table.index = pd.Index([task.id for task in tasks], name="task_id")
    return table.assign(week=weeks.reindex(table.index))
