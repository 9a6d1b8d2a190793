"""Agreement by group of answers: by language, model, topic, week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from quality.agreement.by import agreement_by
from quality.agreement.overlap import ENOUGH_ITEMS
from quality.agreement.own_level import own_level_alpha
from quality.agreement.pooled import pooled_alpha
from workspaces.kinds import ChoiceQuestion, Scale, asked_kinds, question_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ALL_QUESTIONS = "all questions"
UNKNOWN = "not known"
LEAST_PEOPLE = 3
MOST_GROUPS = 10
WEEK = "week"
"""The attribute of which the latest groups are kept, instead of those with the most answers."""
COLUMNS = (
    "group", "kind", "question", "alpha", "alpha_low", "alpha_high", "items", "voters", "votes", "sentence",
)  # fmt: skip
_CODED = ("kind", "question", "value")


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """Agreement by group of one attribute, ``name``, such as ``language``.

    ``table`` has the ``COLUMNS``: for every group that is large enough a row for each kind and question, and for
    several questions a row for ``ALL_QUESTIONS`` (``pooled_alpha``) before them; ``items`` counts items with two or
    more answers, once for each question. ``groups`` are all groups that occur, the one with the most answers first
    (weeks: the latest first); ``n_considered`` is the number of them that were kept, at most ``most``.
    """

    name: str
    table: pd.DataFrame
    groups: tuple[str, ...]
    n_considered: int

    def overall(self, kind: str) -> pd.DataFrame:
        """Return the rows of one kind for all its questions together, in the order of ``groups``.

        If there are none, as for a kind with a single question, return those of each question.
        """
        rows = self.table[self.table["kind"] == kind]
        together = rows[rows["question"] == ALL_QUESTIONS]
        place = {group: number for number, group in enumerate(self.groups)}
        return (together if len(together) else rows).sort_values(
            "group", key=lambda groups: groups.map(place), ignore_index=True
        )

    def extremes(self, kind: str, level: float = 0.05) -> tuple[str, str] | None:
        """Return the groups with the lowest and the highest agreement; ``None`` if their difference is not significant.

        The difference is tested with the standard errors of the two intervals at ``level`` divided by the number of
        pairs of groups (Bonferroni), because among many groups some always differ. ``None`` too where no figure covers
        all questions together: agreement on one question is not held against that on another.
        """
        rows = self.overall(kind).dropna(subset=["alpha", "alpha_low", "alpha_high"])
        if len(rows) < 2 or rows["question"].nunique() > 1:
            return None
        alpha = rows["alpha"].to_numpy(dtype=np.float64)
        reach = np.maximum(alpha - rows["alpha_low"], rows["alpha_high"] - alpha).to_numpy(dtype=np.float64)
        least, most = int(alpha.argmin()), int(alpha.argmax())
        spread = float(np.hypot(reach[least], reach[most])) / float(special.ndtri(0.975))
        chance = 2 * float(special.ndtr(-(alpha[most] - alpha[least]) / spread))
        if chance * len(rows) * (len(rows) - 1) / 2 >= level:
            return None
        return str(rows["group"].iloc[least]), str(rows["group"].iloc[most])


def agreement_by_group(
    votes: pd.DataFrame,
    task_attributes: pd.DataFrame,
    by: Mapping[str, Sequence[str]],
    *,
    most: int = MOST_GROUPS,
) -> tuple[GroupAgreement, ...]:
    """Return alpha in every group that is large enough to be informative without describing single people.

    A group is shown if at least ``LEAST_PEOPLE`` people gave answers that can be compared, on at least ``ENOUGH_ITEMS``
    items with two or more answers; for all questions together, on ``ENOUGH_ITEMS`` times the number of questions.

    Args:
        votes: as ``quality.votes`` returns it, without ratings.
        task_attributes: one row per task; the index is the task id. A missing entry is the group ``UNKNOWN``.
        by: the columns of ``task_attributes`` of each attribute, by its name. With several columns an item belongs to
            the group of each; missing entries of all columns but the first are ignored.
        most: the largest number of groups measured per attribute: those with the most answers; of weeks, the latest.

    Returns:
        One entry per attribute, in the order of ``by``.
    """
    answers = _comparable(votes)
    task, task_ids = pd.factorize(answers["task_id"])
    attributes = task_attributes.reindex(task_ids)
    return tuple(
        _measured_groups(
            name,
            answers,
            [_groups(attributes[column], task, is_first=column == columns[0]) for column in columns],
            most,
        )
        for name, columns in by.items()
    )


def _comparable(votes: pd.DataFrame) -> pd.DataFrame:
    """Return the answers to questions on items with two or more answers; items and people as integers, for speed."""
    votes = votes[votes["value"].notna()]
    question, _ = pd.factorize(votes["question"])
    item, items = pd.factorize(votes["item"])
    pair = question.astype(np.int64) * len(items) + item
    several = np.bincount(pair)[pair] > 1 if len(pair) else np.zeros(0, dtype=bool)
    coded = {name: votes[name].astype("category") for name in _CODED}
    numbers = {"item": item, "annotator": pd.factorize(votes["annotator"])[0]}
    return votes[["task_id"]].assign(**coded, **numbers)[several]


def _groups(column: pd.Series[str], task: NDArray[np.int64], *, is_first: bool) -> pd.Categorical:
    codes, names = pd.factorize(column.fillna(UNKNOWN) if is_first else column, sort=True)
    return pd.Categorical.from_codes(codes[task], names)


def _measured_groups(
    name: str, answers: pd.DataFrame, columns: Sequence[pd.Categorical], most: int
) -> GroupAgreement:
    rows = _grouped(answers, columns)
    times = rows["group"].value_counts()
    times = times[times > 0].sort_index(ascending=name != WEEK)
    groups = times if name == WEEK else times.sort_values(ascending=False, kind="stable")
    chosen = groups.index[:most].tolist()
    tables: list[pd.DataFrame] = []
    if len(groups) > 1:
        rows = rows[rows["group"].isin(chosen)]
        measured = (_measured(rows[rows["kind"] == kind], kind) for kind in asked_kinds())
        tables = [table for table in measured if len(table)]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))
    return GroupAgreement(name, table, tuple(map(str, groups.index)), len(chosen))


def _grouped(answers: pd.DataFrame, columns: Sequence[pd.Categorical]) -> pd.DataFrame:
    """Return every answer with its ``group``, and again for each further column with another group."""
    names = sorted({name for column in columns for name in column.categories})
    first, *further = (column.set_categories(names) for column in columns)
    tables = [answers.assign(group=first)]
    for column in further:
        another = (column.codes >= 0) & (column.codes != first.codes)
        tables.append(answers[another].assign(group=column[another]))
    return pd.concat(tables)


def _measured(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the rows of ``GroupAgreement.table`` for the answers of one kind."""
    if rows.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    by_question = dict(list(rows.groupby("question", sort=True, observed=True)))
    questions = [question_of(kind, str(name)) for name in by_question]
    choices = [question for question in questions if isinstance(question, ChoiceQuestion)]
    measured: list[pd.DataFrame] = []
    nominal = [question.name for question in choices if question.scale is Scale.NOMINAL]
    if len(nominal) > 1 and len(nominal) == len(choices):
        mirrors = {question.name: question.mirror for question in choices if question.mirror is not None}
        whole = agreement_by(rows[rows["question"].isin(nominal)], "group", pooled_alpha, mirrors=mirrors)
        whole = whole[whole["n_items"] >= ENOUGH_ITEMS * len(nominal)]
        measured.append(whole.assign(question=ALL_QUESTIONS))
    for question in choices:
        groups = agreement_by(by_question[question.name], "group", own_level_alpha, question=question)
        measured.append(groups[groups["n_items"] >= ENOUGH_ITEMS].assign(question=question.name))
    table = pd.concat([rows for rows in measured if len(rows)] or measured[-1:]).astype({"group": str})
    names = {
        "value": "alpha", "low": "alpha_low", "high": "alpha_high",
        "n_items": "items", "n_annotators": "voters", "n_labels": "votes",
    }  # fmt: skip
    table = table[table["n_annotators"] >= LEAST_PEOPLE].rename(columns=names)
    return table.assign(kind=kind)[list(COLUMNS)]
