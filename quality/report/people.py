"""The confidence of each person, with gold accuracy and self-consistency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from quality.confidence import Population, confidence_and_prior
from quality.controls import gold_accuracy, self_consistency
from quality.votes import mirrors_of
from workspaces.kinds import RankingQuestion, question_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pandas as pd


@dataclass(frozen=True, slots=True)
class Check:
    """A person's gold accuracy or self-consistency: one row of ``gold_accuracy`` or ``self_consistency``.

    ``n_matching`` of ``n_items`` answers are right, or the same both times; ``value`` is their share, shrunk towards
    that of all people, with its interval from ``low`` to ``high``.
    """

    value: float
    low: float
    high: float
    n_items: int
    n_matching: int


@dataclass(frozen=True, slots=True)
class Confidence:
    """One row of ``annotator_confidence``, with the person's checks; ``None`` where the person had none.

    ``n_compared`` votes could be compared with those of others.
    """

    value: float
    low: float
    high: float
    n_compared: int
    n_divergent: float
    multiplier: float
    gold_accuracy: Check | None = None
    self_consistency: Check | None = None


@dataclass(frozen=True, slots=True)
class PersonReport:
    """One person (a pseudonym): ``n_votes`` given, confidence over all questions and on each question."""

    person: str
    n_votes: int
    confidence: Confidence
    by_question: Mapping[str, Confidence]


@dataclass(frozen=True, slots=True)
class _Checks:
    """Gold and repeated answers by question; the key ``None`` holds those of all questions."""

    gold: Mapping[str | None, pd.DataFrame]
    repeats: Mapping[str | None, pd.DataFrame]

    def on(self, question: str | None) -> tuple[dict[str, Check], dict[str, Check]]:
        """Return each person's gold accuracy and self-consistency on one question, or on all (``None``)."""
        return (
            _checked(gold_accuracy, self.gold.get(question)),
            _checked(self_consistency, self.repeats.get(question)),
        )


def _by_question(table: pd.DataFrame | None) -> dict[str | None, pd.DataFrame]:
    if table is None or table.empty:
        return {}
    by_question: dict[str | None, pd.DataFrame] = {
        str(question): rows for question, rows in table.groupby("question")
    }
    return by_question | {None: table}


def _checked(check: Callable[[pd.DataFrame], pd.DataFrame], table: pd.DataFrame | None) -> dict[str, Check]:
    if table is None:
        return {}
    return {
        str(person): Check(float(value), float(low), float(high), int(n_items), int(n_matching))
        for person, value, low, high, n_items, n_matching in check(table).itertuples(index=False)
    }


def person_reports(
    answered: pd.DataFrame, gold: pd.DataFrame | None, repeats: pd.DataFrame | None
) -> tuple[tuple[PersonReport, ...], dict[str | None, Population]]:
    """Return the reports of all people, in ascending order of person, and what is known of others.

    The latter is the distribution of people's confidence by question, with the key ``None`` over all questions. Who
    answered nothing but gold that repeats another task has no votes, and a report for their gold.

    Args:
        answered: the votes with a value; columns ``kind``, ``question``, ``item``, ``annotator``, ``value``.
        gold: as ``gold_table`` returns it; ``None`` or empty where there is none.
        repeats: as ``repeat_table`` returns it; ``None`` or empty where there is none.
    """
    if answered.empty:
        return (), {}
    checks = _Checks(_by_question(gold), _by_question(repeats))
    by_question: dict[str, dict[str, Confidence]] = {}
    priors: dict[str | None, Population] = {}
    for question, table in answered.groupby("question", sort=True):
        name = str(question)
        by_question[name], priors[name] = _confidences(table, *checks.on(name))
    overall, priors[None] = _confidences(answered, *checks.on(None))
    distinct = answered.drop_duplicates(["kind", "question", "item", "annotator"])
    n_votes = distinct["annotator"].value_counts()
    people = tuple(
        PersonReport(
            person,
            int(n_votes.get(person, 0)),
            confidence,
            {
                question: confidences[person]
                for question, confidences in by_question.items()
                if person in confidences
            },
        )
        for person, confidence in overall.items()
    )
    return people, priors


def _information(asked: pd.DataFrame, rankings: Collection[str]) -> pd.Series[float] | None:
    """Return, by question and annotator, how many independent answers one vote on a ranking is worth.

    The n (n - 1) / 2 comparisons of one ranking of n responses follow from n - 1 of them. Any other vote is an answer
    by itself, also where a task asks about several responses. None where there are no rankings.
    """
    votes = asked[asked["question"].isin(list(rankings))]
    if votes.empty or "task_id" not in votes:
        return None
    each = votes.groupby(["question", "annotator", "task_id"], sort=False, observed=True).size()
    independent = ((1 + 8 * each) ** 0.5 - 1) / 2
    by_person = ["question", "annotator"]
    return independent.groupby(level=by_person).sum() / each.groupby(level=by_person).sum()


def _confidences(
    table: pd.DataFrame, gold: Mapping[str, Check], repeats: Mapping[str, Check]
) -> tuple[dict[str, Confidence], Population]:
    # two kinds may ask a question of one name
    names = {
        (str(kind), str(question)): f"{kind} {question}"
        for kind, question in table[["kind", "question"]].drop_duplicates().itertuples(index=False, name=None)
    }
    rankings = {name for asked, name in names.items() if isinstance(question_of(*asked), RankingQuestion)}
    asked = table.assign(question=table["kind"].astype(str) + " " + table["question"].astype(str))
    mirrors = mirrors_of(table.assign(asked=asked["question"]), "asked")
    information = _information(asked, rankings)
    rows, prior = confidence_and_prior(asked, mirrors=mirrors, information=information, also=gold)
    confidences = {
        str(person): Confidence(
            float(value),
            float(low),
            float(high),
            int(n_compared),
            float(n_divergent),
            float(multiplier),
            gold.get(person),
            repeats.get(person),
        )
        for person, value, low, high, n_compared, n_divergent, multiplier in rows.itertuples(index=False)
    }
    return confidences, prior
