"""The inputs of the report, read from the store once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from chatfeedback.report.compared import compared_models
from chatfeedback.report.task_attributes import task_attributes
from chatfeedback.steps.answers import read_answers
from chatfeedback.steps.evaluation import evaluate
from chatfeedback.steps.status import count
from quality.seed_feedback import rewrite_table, seed_table, task_table
from workspaces.kinds import asked_kinds
from workspaces.records import ANONYMOUS, IMPORTED, AnnotationStatus
from workspaces.store.judge_prompts import is_set_apart, judge_prompts
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.settlements import points_for_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from chatfeedback.steps.status import Counts
    from quality import Report
    from workspaces.records import Annotation
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ReportInputs:
    """The tables that sections use; a section that needs more reads it from ``workspace``.

    ``platform_votes`` are the votes on tasks of a platform, without imported feedback. ``named_votes`` are the votes of
    identifiable people on kinds that platforms ask: with imported feedback, but without the votes that a chat log
    attributes to nobody; ``task_attributes`` describes the tasks of these, and ``compared`` the models and styles that
    they compare. ``votes``, ``seeds``, ``tasks`` (with the
    columns ``platform`` and ``overlap`` added), ``rewrites``, ``gold`` and ``repeats`` are as ``quality`` returns them.
    ``taught`` are the items that test no judge, because a judge may have been taught by them.
    ``times`` is as ``quality.time_on_task.time_table`` returns it.
    ``answered`` has one row per answer, own ones included: ``task_id`` and ``at``; ``earned`` has one row per credit
    or correction of points for an answer: ``at`` and ``points``. ``own`` has one row per answer about the person's own
    conversation: ``person``, ``kind``; unless ``quality.own`` allows them, they are in no table of votes. ``counts``
    are the figures of the workspace.
    """

    report: Report
    votes: pd.DataFrame
    platform_votes: pd.DataFrame
    named_votes: pd.DataFrame
    task_attributes: pd.DataFrame
    compared: pd.DataFrame
    seeds: pd.DataFrame
    taught: frozenset[str]
    tasks: pd.DataFrame
    rewrites: pd.DataFrame
    gold: pd.DataFrame
    repeats: pd.DataFrame
    answered: pd.DataFrame
    earned: pd.DataFrame
    own: pd.DataFrame
    times: pd.DataFrame
    counts: Counts
    workspace: Workspace


def gather_inputs(workspace: Workspace) -> ReportInputs:
    """Read the answers, evaluate them, and return what the report is made of."""
    answers = read_answers(workspace)
    with workspace.store.read() as connection:
        seeds, earned = all_seeds(connection), _earned(points_for_answers(connection))
        taught = judge_prompts(connection)
    first = [task for task in answers.tasks.values() if task.reask_of is None]
    answered = submitted_answers(answers.annotations)
    votes = answers.votes
    imported = [task_id for task_id, task in answers.tasks.items() if task.platform == IMPORTED]
    named = named_votes(votes)
    named_tasks = [answers.tasks[task_id] for task_id in named["task_id"].unique()]
    attributes = task_attributes(workspace, named_tasks, answered)
    return ReportInputs(
        report=evaluate(workspace, answers),
        votes=votes,
        platform_votes=votes[~votes["task_id"].isin(imported)],
        named_votes=named,
        task_attributes=attributes,
        compared=compared_models(workspace, named, answers.tasks),
        seeds=seed_table(seeds),
        taught=frozenset(it.message_id for it in seeds if is_set_apart(it.message_id))
        if taught
        else frozenset(),
        tasks=task_table(first).assign(
            platform=[task.platform for task in first], overlap=[task.overlap for task in first]
        ),
        rewrites=rewrite_table(answers.annotations, answers.tasks),
        gold=answers.gold,
        repeats=answers.repeats,
        answered=submitted_answers([*answers.annotations, *answers.own], without=IMPORTED),
        earned=earned,
        own=pd.DataFrame(
            [
                (annotation.person_id, answers.tasks[annotation.task_id].kind)
                for annotation in answers.own
                if annotation.status is AnnotationStatus.SUBMITTED
            ],
            columns=["person", "kind"],
        ),
        times=answers.times,
        counts=count(workspace),
        workspace=workspace,
    )


def named_votes(votes: pd.DataFrame) -> pd.DataFrame:
    """Return the votes on kinds that platforms ask, without those that a chat log attributes to nobody."""
    # a person without a name has another id in each conversation
    nameless = votes["annotator"].str.startswith(ANONYMOUS)
    return votes[votes["kind"].isin(list(asked_kinds())) & ~nameless]


def submitted_answers(annotations: Iterable[Annotation], without: str | None = None) -> pd.DataFrame:
    """Return one row for each person and task with a submitted answer, but of one platform: its last change."""
    last: dict[tuple[str, str], datetime] = {}
    for each in annotations:
        if each.status is AnnotationStatus.SUBMITTED and each.platform != without:
            key = each.person_id, each.task_id
            last[key] = max(each.updated_at, last.get(key, each.updated_at))
    table = pd.DataFrame([(task_id, at) for (_, task_id), at in last.items()], columns=["task_id", "at"])
    return table.assign(at=pd.to_datetime(table["at"], utc=True))


def _earned(movements: Sequence[tuple[datetime, int]]) -> pd.DataFrame:
    table = pd.DataFrame(movements, columns=["at", "points"])
    return table.assign(at=pd.to_datetime(table["at"], utc=True), points=table["points"].astype("int64"))
