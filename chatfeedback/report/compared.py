"""Comparisons of models: which models and styles the votes are about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from quality import STYLE, style_of
from quality.votes import comparisons
from workspaces.collection.message_texts import message_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.records import Task
    from workspaces.workspace import Workspace


def compared_models(
    workspace: Workspace, votes: pd.DataFrame, tasks: Mapping[str, Task], attributes: pd.DataFrame
) -> pd.DataFrame:
    """Return the comparisons among votes as ``rank_at_equal_style`` takes them.

    Args:
        workspace: its collection holds the texts.
        votes: votes of people who can be told apart, as ``quality.votes`` returns them.
        tasks: by id, at least those of the votes.
        attributes: as ``task_attributes`` returns it, of these tasks.

    Returns:
        Columns ``value``, ``item``, ``annotator``, ``first`` and ``second`` (models), and ``first_NAME``,
        ``second_NAME`` for each of ``STYLE``; missing where the collection does not hold a message, or its model.
    """
    compared = comparisons(votes)
    of_task = attributes.reindex(compared["task_id"])
    shown = [tasks[task_id] for task_id in compared["task_id"].unique()]
    sides = {task.id: sorted(task.message_ids) for task in shown}
    style = _styles(workspace, shown)
    columns = {"first": of_task["model"].to_numpy(), "second": of_task["other_model"].to_numpy()}
    for place, side in enumerate(("first", "second")):
        messages = compared["task_id"].map({task_id: names[place] for task_id, names in sides.items()})
        columns |= {f"{side}_{name}": messages.map(style[name]).to_numpy(dtype="float64") for name in STYLE}
    return compared[["value", "item", "annotator"]].assign(**columns)


def _styles(workspace: Workspace, tasks: list[Task]) -> pd.DataFrame:
    conversations = {name for task in tasks for name in task.conversation_ids}
    texts = message_texts(
        workspace.collection, conversations, (name for task in tasks for name in task.message_ids)
    )
    styles = {message_id: style_of(text) for message_id, text in texts}
    return pd.DataFrame(list(styles.values()), pd.Index(list(styles), dtype="object"), list(STYLE))
