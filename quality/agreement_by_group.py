"""Agreement in parts of the answers: by language, model, topic, week."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from quality.agreement.by import agreement_by
from quality.agreement.pooled import pooled_alpha
from quality.report import ENOUGH_ITEMS
from workspaces.kinds import ChoiceQuestion, Scale, asked_kinds, question_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ALL_QUESTIONS = "all questions"
UNKNOWN = "not known"
LEAST_PEOPLE = 3
MOST_GROUPS = 10
WEEK = "week"
"""The name under which the latest groups count, not those with the most answers."""
COLUMNS = (
    "group", "kind", "question", "alpha", "alpha_low", "alpha_high", "items", "people", "answers", "sentence",
)  # fmt: skip
_CODED = ("kind", "question", "value")


@dataclass(frozen=True, slots=True)
class Part:
    """The answers by one thing, such as ``language``.

    ``table`` has the ``COLUMNS``: for every group that is large enough a row for each kind and question, and of
    several questions one for ``ALL_QUESTIONS`` (``pooled_alpha``) before them; ``items`` are those with two answers
    or more, once for each question. ``groups`` are all that occur, the one with the most answers first (weeks: the
    latest first); ``n_asked`` how many of them were looked at.
    """

    name: str
    table: pd.DataFrame
    groups: tuple[str, ...]
    n_asked: int

    def overall(self, kind: str) -> pd.DataFrame:
        """Return the rows of one kind that are about all its questions, in the order of ``groups``.

        Where nothing is said of all together, as for one question alone, those of the first question.
        """
        rows = self.table[self.table["kind"] == kind]
        names = rows["question"].unique()
        found = rows[
            rows["question"] == (ALL_QUESTIONS if ALL_QUESTIONS in names else min(names, default=""))
        ]
        place = {group: number for number, group in enumerate(self.groups)}
        return found.sort_values("group", key=lambda names: names.map(place), ignore_index=True)

    def extremes(self, kind: str, level: float = 0.05) -> tuple[str, str] | None:
        """Return the groups that people agree on least and most; ``None`` where chance alone may set them apart.

        The difference of the two, with the standard errors that their intervals tell, is held against ``level`` divided
        by the number of pairs of groups (Bonferroni): among many groups some always differ.
        """
        rows = self.overall(kind).dropna(subset=["alpha", "alpha_low", "alpha_high"])
        if len(rows) < 2:
            return None
        alpha = rows["alpha"].to_numpy(dtype=np.float64)
        reach = np.maximum(alpha - rows["alpha_low"], rows["alpha_high"] - alpha).to_numpy(dtype=np.float64)
        least, most = int(alpha.argmin()), int(alpha.argmax())
        spread = float(np.hypot(reach[least], reach[most])) / float(special.ndtri(0.975))
        chance = 2 * float(special.ndtr(-(alpha[most] - alpha[least]) / spread))
        if chance * len(rows) * (len(rows) - 1) / 2 >= level:
            return None
        return str(rows["group"].iloc[least]), str(rows["group"].iloc[most])


def agreement_in_parts(
    votes: pd.DataFrame,
    subjects: pd.DataFrame,
    by: Mapping[str, Sequence[str]],
    *,
    most: int = MOST_GROUPS,
) -> tuple[Part, ...]:
    """Return alpha in every group that is large enough to say something, and not about single people.

    A group is shown where at least ``LEAST_PEOPLE`` people gave answers that can be compared, and where there are
    ``ENOUGH_ITEMS`` items with two answers or more; for all questions together as many times that as there are
    questions.

    Args:
        votes: as ``quality.votes`` returns it, without ratings.
        subjects: what tasks are about; the index is the task id. A missing entry is ``UNKNOWN``.
        by: what to tell apart, by name: the columns of ``subjects`` that hold it. With several columns an item counts
            in the group of each; missing entries of all but the first then say nothing.
        most: groups looked at for each name: those with the most answers; of weeks, the latest.

    Returns:
        One part for each name.
    """
    answers = _comparable(votes)
    task, task_ids = pd.factorize(answers["task_id"])
    about = subjects.reindex(task_ids)
    return tuple(
        _part(
            name, answers, [_groups(about[each], task, is_first=each == columns[0]) for each in columns], most
        )
        for name, columns in by.items()
    )


def _comparable(votes: pd.DataFrame) -> pd.DataFrame:
    """Return the answers to what two or more answered, items and people as numbers: they are grouped many times."""
    votes = votes[votes["value"].notna()]
    question, _ = pd.factorize(votes["question"])
    item, items = pd.factorize(votes["item"])
    asked = question.astype(np.int64) * len(items) + item
    several = np.bincount(asked)[asked] > 1 if len(asked) else np.zeros(0, dtype=bool)
    coded = {name: votes[name].astype("category") for name in _CODED}
    numbers = {"item": item, "annotator": pd.factorize(votes["annotator"])[0]}
    return votes[["task_id"]].assign(**coded, **numbers)[several]


def _groups(column: pd.Series[str], task: NDArray[np.int64], *, is_first: bool) -> pd.Categorical:
    codes, names = pd.factorize(column.fillna(UNKNOWN) if is_first else column, sort=True)
    return pd.Categorical.from_codes(codes[task], names)


def _part(name: str, answers: pd.DataFrame, columns: Sequence[pd.Categorical], most: int) -> Part:
    rows = _grouped(answers, columns)
    times = rows["group"].value_counts()
    times = times[times > 0].sort_index(ascending=name != WEEK)
    groups = times if name == WEEK else times.sort_values(ascending=False, kind="stable")
    chosen = groups.index[:most].tolist()
    found: list[pd.DataFrame] = []
    if len(groups) > 1:
        rows = rows[rows["group"].isin(chosen)]
        measured = (_measured(rows[rows["kind"] == kind], kind) for kind in asked_kinds())
        found = [table for table in measured if len(table)]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=list(COLUMNS))
    return Part(name, table, tuple(map(str, groups.index)), len(chosen))


def _grouped(answers: pd.DataFrame, columns: Sequence[pd.Categorical]) -> pd.DataFrame:
    """Return every answer with its ``group``, again for each further column that names another one."""
    names = sorted({name for column in columns for name in column.categories})
    first, *others = (column.set_categories(names) for column in columns)
    tables = [answers.assign(group=first)]
    for other in others:
        another = (other.codes >= 0) & (other.codes != first.codes)
        tables.append(answers[another].assign(group=other[another]))
    return pd.concat(tables)


def _by_level(kind: str, rows: pd.DataFrame) -> dict[tuple[Scale, tuple[str, ...]], list[str]]:
    """Return the questions answered, by their level of measurement and its order; nominal ones first."""
    levels: dict[tuple[Scale, tuple[str, ...]], list[str]] = {}
    for name in rows["question"].cat.remove_unused_categories().cat.categories:
        question = question_of(kind, str(name))
        if isinstance(question, ChoiceQuestion):
            order = question.order if question.scale is Scale.ORDINAL else ()
            levels.setdefault((question.scale, order), []).append(question.name)
    return dict(sorted(levels.items()))


def _measured(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the rows of ``Part.table`` for the answers of one kind."""
    if rows.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    measured: list[pd.DataFrame] = []
    for (level, order), questions in _by_level(kind, rows).items():
        alike = rows[rows["question"].isin(questions)]
        alike = alike.assign(question=alike["question"].cat.remove_unused_categories())
        if level == Scale.ORDINAL:
            alike = alike[alike["value"].isin(order)]
            by_question = agreement_by(alike, ["question", "group"], level="ordinal", order=order)
        else:
            by_question = agreement_by(alike, ["question", "group"])
            if len(questions) > 1:
                whole = agreement_by(alike, "group", pooled_alpha)
                whole = whole[whole["n_items"] >= ENOUGH_ITEMS * len(questions)]
                measured.insert(0, whole.assign(question=ALL_QUESTIONS))
        measured.append(by_question[by_question["n_items"] >= ENOUGH_ITEMS].astype({"question": str}))
    table = pd.concat([one for one in measured if len(one)] or measured[-1:]).astype({"group": str})
    names = {
        "value": "alpha", "low": "alpha_low", "high": "alpha_high",
        "n_items": "items", "n_annotators": "people", "n_labels": "answers",
    }  # fmt: skip
    table = table[table["n_annotators"] >= LEAST_PEOPLE].rename(columns=names)
    return table.assign(kind=kind)[list(COLUMNS)]
