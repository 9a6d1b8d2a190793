"""Comparisons of models: which models and styles the votes are about."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd

from chatfeedback.report.task_attributes import models_of_messages
from quality import STYLE, style_of
from quality.votes import comparisons
from workspaces.collection.message_texts import message_texts
from workspaces.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workspaces.records import Task
    from workspaces.workspace import Workspace


def compared_models(workspace: Workspace, votes: pd.DataFrame, tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return the comparisons among votes as ``rank_at_equal_style`` takes them.

    Args:
        workspace: its collection holds the texts.
        votes: votes of people who can be told apart, as ``quality.votes`` returns them.
        tasks: by id, at least those of the votes.

    Returns:
        Columns ``value``, ``item`` (all responses of the task), ``annotator``, ``first`` and ``second`` (models), and
        ``first_NAME``, ``second_NAME`` for each of ``STYLE``; missing where the collection does not hold a message, or
        its model.
    """
    compared = comparisons(votes)
    shown = [tasks[task_id] for task_id in compared["task_id"].unique()]
    sides = {
        kind_of(task.kind).item(pair): sorted(pair)
        for task in shown
        for pair in combinations(task.message_ids, 2)
    }
    prompts = {task.id: kind_of(task.kind).item(task.message_ids) for task in shown}
    models, style = models_of_messages(workspace, shown), _styles(workspace, shown)
    columns: dict[str, pd.Series[Any]] = {}
    for place, side in enumerate(("first", "second")):
        messages = compared["item"].map({item: pair[place] for item, pair in sides.items()})
        columns[side] = messages.map(models).astype("object")
        columns |= {f"{side}_{name}": messages.map(style[name]).astype("float64") for name in STYLE}
    # the comparisons of one ranking belong together, and are drawn together where intervals are resampled
    return compared[["value", "annotator"]].assign(item=compared["task_id"].map(prompts), **columns)


def _styles(workspace: Workspace, tasks: list[Task]) -> pd.DataFrame:
    conversations = {name for task in tasks for name in task.conversation_ids}
    texts = message_texts(
        workspace.collection, conversations, (name for task in tasks for name in task.message_ids)
    )
    styles = {message_id: style_of(text) for message_id, text in texts}
    return pd.DataFrame(list(styles.values()), pd.Index(list(styles), dtype="object"), list(STYLE))
