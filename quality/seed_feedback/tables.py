"""Seeds, tasks and rewrites as long tables, the inputs of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import Annotation, SeedFeedback, Task


def judge_name(agent: str, prompt_version: str) -> str:
    """Return the name of a judge: the same model with another prompt version is another judge."""
    return f"{agent}, prompt {prompt_version}"


def seed_table(seeds: Iterable[SeedFeedback]) -> pd.DataFrame:
    """Return one row per seed and question, in the given order.

    Text columns ``judge``, ``item`` (message id), ``question``, ``value``, and ``significance`` of the seed.
    """
    rows = [
        (
            judge_name(seed.agent, seed.prompt_version),
            seed.message_id,
            quality.value,
            tag.value,
            seed.significance.value,
        )
        for seed in seeds
        for quality, tag in seed.tags.items()
    ]
    return pd.DataFrame(rows, columns=["judge", "item", "question", "value", "significance"], dtype="str")


def task_table(tasks: Iterable[Task]) -> pd.DataFrame:
    """Return one row per task: ``task_id``, ``kind``, ``significance``, ``shown``, ``drawn_at``.

    ``shown`` is the judge whose seed annotators see, missing for a blind task. ``drawn_at`` is the time of the draw
    that made the task. Repeated items are left out, as in ``quality.votes``.
    """
    rows = [
        (
            task.id,
            task.kind,
            task.significance.value,
            None if task.seed_agent is None else judge_name(task.seed_agent, task.seed_prompt_version or ""),
            task.created_at,
        )
        for task in tasks
        if task.reask_of is None
    ]
    return pd.DataFrame(rows, columns=["task_id", "kind", "significance", "shown", "drawn_at"])


def rewrite_table(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return one row per submitted answer to a task that asks for a rewrite: ``task_id``, ``annotator``, ``rewritten``.

    ``rewritten`` tells whether the person wrote a better response. Repeated items are left out.
    """
    rows = [
        (annotation.task_id, annotation.person_id, bool(kind.rewrite_in(annotation.values).strip()))
        for annotation in annotations
        if annotation.status is AnnotationStatus.SUBMITTED
        for task in [tasks[annotation.task_id]]
        for kind in [kind_of(task.kind)]
        if kind.rewrite is not None and task.reask_of is None
    ]
    return pd.DataFrame(rows, columns=["task_id", "annotator", "rewritten"])
