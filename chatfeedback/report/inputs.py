"""What the report is made of: read from the store once, then only looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.task_attributes import task_attributes
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.evaluate import evaluate
from quality.seed_feedback import rewrite_table, seed_table, task_table
from workspaces.kinds import asked_kinds
from workspaces.records import ANONYMOUS, IMPORTED, AnnotationStatus
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.settlements import points_for_answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from quality import Report
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """Tables that sections draw on; a section that needs more reads it from ``workspace``.

    ``asked`` are the votes on what we ask people ourselves. ``named`` are those of people who can be told apart, on the
    kinds of question that we ask: with the votes that logs carried, but for those that they ascribe to nobody;
    ``subjects`` says what the tasks of these are about (``task_attributes``). ``votes``, ``seeds``, ``tasks`` (with
    ``platform`` and ``overlap`` beside), ``rewrites``, ``gold`` and ``repeats`` are as ``quality`` makes them.
    ``answered`` has one row per submitted answer: ``task_id`` and ``at``; ``earned`` one per credit or correction of
    points for an answer: ``at`` and ``points``.
    """

    report: Report
    votes: pd.DataFrame
    asked: pd.DataFrame
    named: pd.DataFrame
    subjects: pd.DataFrame
    seeds: pd.DataFrame
    tasks: pd.DataFrame
    rewrites: pd.DataFrame
    gold: pd.DataFrame
    repeats: pd.DataFrame
    answered: pd.DataFrame
    earned: pd.DataFrame
    workspace: Workspace


def gather_inputs(workspace: Workspace) -> ReportInputs:
    """Read the answers, evaluate them, and return what the report is made of."""
    answers = read_answers(workspace)
    with workspace.store.read() as connection:
        seeds, earned = all_seeds(connection), _earned(points_for_answers(connection))
    first = [task for task in answers.tasks.values() if task.reask_of is None]
    submitted = [
        (annotation.task_id, annotation.updated_at)
        for annotation in answers.annotations
        if annotation.status is AnnotationStatus.SUBMITTED
    ]
    answered = pd.DataFrame(submitted, columns=["task_id", "at"])
    answered["at"] = pd.to_datetime(answered["at"], utc=True)
    votes = answers.votes
    came = [task_id for task_id, task in answers.tasks.items() if task.platform == IMPORTED]
    nameless = votes["annotator"].str.startswith(ANONYMOUS)  # another id in each conversation, whoever it was
    named = votes[votes["kind"].isin(list(asked_kinds())) & ~nameless]
    about = [answers.tasks[task_id] for task_id in named["task_id"].unique()]
    return ReportInputs(
        report=evaluate(workspace, answers),
        votes=votes,
        asked=votes[~votes["task_id"].isin(came)],
        named=named,
        subjects=task_attributes(workspace, about, answered),
        seeds=seed_table(seeds),
        tasks=task_table(first).assign(
            platform=[task.platform for task in first], overlap=[task.overlap for task in first]
        ),
        rewrites=rewrite_table(answers.annotations, answers.tasks),
        gold=answers.gold,
        repeats=answers.repeats,
        answered=answered,
        earned=earned,
        workspace=workspace,
    )


def _earned(movements: Sequence[tuple[datetime, int]]) -> pd.DataFrame:
    table = pd.DataFrame(movements, columns=["at", "points"])
    return table.assign(at=pd.to_datetime(table["at"], utc=True), points=table["points"].astype("int64"))
