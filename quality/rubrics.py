"""What people say of the criteria of a rubric, and how far responses meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workspaces.kinds import criteria_of, score
from workspaces.kinds.rubric import MET, NOT_APPLICABLE

if TYPE_CHECKING:
    from workspaces.kinds import Kind


def criteria_table(votes: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """Return one row for each criterion of a rubric, in order.

    Args:
        votes: as ``quality.votes`` returns it.
        kind: of the rubric.

    Returns:
        Columns ``question``, ``criterion``, ``weight``, ``votes``, ``met`` (share of the votes that it applies; missing
        without any) and ``not_applicable`` (share of all votes; missing without any).
    """
    asked = votes[votes["kind"] == kind.name]
    rows = []
    for question in criteria_of(kind):
        values = asked.loc[asked["question"] == question.name, "value"]
        applies = values[values != NOT_APPLICABLE]
        rows.append(
            (
                question.name,
                question.title,
                question.weight,
                len(values),
                float((applies == MET).mean()) if len(applies) else None,
                float((values == NOT_APPLICABLE).mean()) if len(values) else None,
            )
        )
    return pd.DataFrame(
        rows, columns=["question", "criterion", "weight", "votes", "met", "not_applicable"]
    ).astype({"met": "float64", "not_applicable": "float64"})


def response_scores(votes: pd.DataFrame, kind: Kind) -> pd.Series[float]:
    """Return the score of each response by a rubric, 0 to 1, by item: the mean over the people who checked it.

    A response is left out where nobody says that a criterion with a positive weight applies.

    Args:
        votes: as ``quality.votes`` returns it.
        kind: of the rubric.
    """
    criteria = criteria_of(kind)
    asked = votes[votes["kind"] == kind.name]
    by_person: dict[tuple[str, str], dict[str, str]] = {}
    for item, person, question, value in asked[["item", "annotator", "question", "value"]].itertuples(
        index=False, name=None
    ):
        by_person.setdefault((item, person), {})[question] = value
    scored: dict[str, list[float]] = {}
    for (item, _), answers in by_person.items():
        if (value := score(criteria, answers)) is not None:
            scored.setdefault(item, []).append(value)
    means = {item: sum(values) / len(values) for item, values in scored.items()}
    return pd.Series(means, dtype="float64", name="score")
