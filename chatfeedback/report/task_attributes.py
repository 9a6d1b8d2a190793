"""Attributes of tasks: language, topic and models of the messages shown, and the week of the answers."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pandas as pd

from quality.agreement.by import iso_weeks
from workspaces.collection.message_attributes import message_attributes
from workspaces.store.topics import topics_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.records import Task
    from workspaces.workspace import Workspace


OTHER_MODEL = "other_model"
"""The column of the second model that a task shows; of further ones, its name and a number."""


def models_of_messages(workspace: Workspace, tasks: Sequence[Task]) -> pd.Series[str]:
    """Return the model of each response that tasks show, by message id; missing where not known."""
    conversations = sorted({name for task in tasks for name in task.conversation_ids})
    shown = (name for task in tasks for name in task.message_ids)
    attributes = message_attributes(workspace.collection, conversations, shown)
    return attributes.drop_duplicates("message_id").set_index("message_id")["model"]


def task_attributes(workspace: Workspace, tasks: Sequence[Task], answered: pd.DataFrame) -> pd.DataFrame:
    """Return one row per task.

    Args:
        workspace: its collection holds the attributes of messages. Those of messages that are in no held or shared
            conversation are not known.
        tasks: the tasks to describe.
        answered: columns ``task_id`` and ``at``, one row per answer.

    Returns:
        The index ``task_id``; text columns ``language``, ``topic``, ``model`` and, as many as the tasks show responses,
        ``other_model``, ``other_model_2`` and so on: the models of the responses in ascending order of their message
        ids; and ``week``, the ISO week of the last answer. Missing where not known.
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
    others = {
        OTHER_MODEL if place == 1 else f"{OTHER_MODEL}_{place}": pd.Series(
            [names[place] if len(names) > place else None for names in shown], dtype="object"
        )
        for place in range(1, max([2, *map(len, shown)]))
    }
    # the collection holds no rewrite, which any of them may be
    languages = (names.map(messages["language"]) for names in (first, *others.values()))
    weeks = iso_weeks(answered.groupby("task_id")["at"].max())
    table = pd.DataFrame(
        {
            "language": reduce(lambda known, more: known.combine_first(more), languages),
            "topic": [topics.get(task.conversation_ids[0]) for task in tasks],
            "model": first.map(messages["model"]),
            **{column: names.map(messages["model"]) for column, names in others.items()},
        },
        dtype="object",
    )
    table.index = pd.Index([task.id for task in tasks], name="task_id")
    return table.assign(week=weeks.reindex(table.index))
