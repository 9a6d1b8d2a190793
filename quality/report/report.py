"""Everything known about the answers so far, for the lead."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from quality.report.next_steps import next_steps
from quality.report.people import person_reports
from quality.report.questions import question_report
from quality.votes import in_classes, without_scores
from workspaces.records import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd
    from pydantic import JsonValue

    from quality.confidence import Population
    from quality.report.people import PersonReport
    from quality.report.questions import QuestionReport


@dataclass(frozen=True, slots=True)
class Report:
    """Agreement, confidence and next steps; ``next_steps`` are sentences, the most urgent first.

    ``n_votes`` counts votes, each one answer to one question on one item, imported feedback included; ``n_voters``
    counts who gave them. ``people`` are those who answer on a platform, ``raters`` those whose votes all came with
    chat logs.

    ``prior`` is the distribution of people's confidence over all questions, ``priors`` that on each question: what is
    known of a person who was not measured. Without people ``prior`` is None.
    """

    n_votes: int
    n_items: int
    n_voters: int
    questions: tuple[QuestionReport, ...]
    people: tuple[PersonReport, ...]
    next_steps: tuple[str, ...]
    raters: tuple[PersonReport, ...] = ()
    prior: Population | None = None
    priors: Mapping[str, Population] = field(default_factory=dict)

    def to_dict(self) -> dict[str, JsonValue]:
        """Return plain data for JSON; the value of an undefined coefficient is ``null``."""
        return asdict(self)


def build_report(
    votes: pd.DataFrame,
    absent: Collection[str] = (),
    gold: pd.DataFrame | None = None,
    repeats: pd.DataFrame | None = None,
    adaptive: Collection[str] = (),
) -> Report:
    """Return the report on a table of votes.

    Args:
        votes: as ``quality.votes`` returns it: columns ``kind``, ``question``, ``item``, ``annotator``,
            ``value``. Annotators are pseudonyms.
        absent: raters, who answered only in a chat log; no next step names them, because the lead cannot reach them.
        gold: answers to gold tasks, as ``gold_table`` returns them; ``None`` where there are none.
        repeats: answers given twice, as ``repeat_table`` returns them; ``None`` where there are none.
        adaptive: the tasks that may close early, of which ``votes`` has the column ``task_id`` then. Agreement on a
            question is measured without them, if other tasks have answers to it.

    Returns:
        The report, with questions, people and raters in ascending order. No answers, one person or one item are valid
        inputs: a coefficient that cannot be computed is undefined and gives the reason.

    Raises:
        ValueError: a question is free text, which has no votes.
    """
    answered = votes[votes["value"].notna()]
    questions = tuple(
        question_report(str(kind), str(question), table, _audit(table, adaptive))
        for (kind, question), table in answered.groupby(["kind", "question"], sort=True)
    )
    # a score has no majority to diverge from
    named = in_classes(without_scores(_named(answered)))
    everybody, priors = person_reports(named, None if gold is None else _named(gold), repeats)
    people = tuple(person for person in everybody if person.person not in absent)
    return Report(
        n_votes=sum(question.n_votes for question in questions),
        n_items=len(answered.drop_duplicates(["kind", "item"])),
        n_voters=answered["annotator"].nunique(),
        questions=questions,
        people=people,
        next_steps=next_steps(questions, people),
        raters=tuple(person for person in everybody if person.person in absent),
        prior=priors.get(None),
        priors={name: prior for name, prior in priors.items() if name is not None},
    )


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out anonymous annotators: each of them is known in a single conversation only."""
    return table[~table["annotator"].astype(str).str.startswith(ANONYMOUS)]


def _audit(table: pd.DataFrame, adaptive: Collection[str]) -> pd.DataFrame | None:
    """Return the votes on tasks that never close early; None if all are, or none."""
    if not adaptive:
        return None
    fixed = table[~table["task_id"].isin(list(adaptive))]
    return None if fixed.empty or len(fixed) == len(table) else fixed
