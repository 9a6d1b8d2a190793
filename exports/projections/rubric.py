"""Responses checked against a rubric: the criteria with their weights, what people say of each, and the score."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from exports.columns import (
    COUNT,
    FLAG,
    MESSAGES,
    NUMBER,
    OF_RESPONSE,
    TEXT,
    TEXTS,
    ListOf,
    messages,
    of_response,
    reply,
    tools,
)
from exports.projection import Measurements, OfAll, Projection, TableSpec
from exports.selections import select_checked
from workspaces.kinds.rubric import MET, NOT_APPLICABLE, NOT_MET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.checked import CheckedResponse
    from exports.columns import Columns, Row

COLUMNS: Columns = {
    "prompt": MESSAGES,
    "completion": MESSAGES,
    "rubrics": ListOf(
        {
            "criterion": TEXT,
            "weight": NUMBER,
            "criteria_met": FLAG,
            "applies": FLAG,
            "n_met": COUNT,
            "n_not_met": COUNT,
            "n_does_not_apply": COUNT,
        }
    ),
    "score": NUMBER,
}
PROVENANCE: Columns = {
    "check_id": TEXT,
    "rubric": TEXT,
    **OF_RESPONSE,
}
VOTES: Columns = {
    "check_id": TEXT,
    "person_id": TEXT,
    "task_id": TEXT,
    "answers": TEXTS,
    "weight": NUMBER,
}
METHOD = """\
People checked a response against the criteria of a rubric: met, not met, or does not apply. Answers about
the same rubric, prompt and text are pooled, the latest of each person. `criteria_met` and `applies` say
what more than half of them say, or what a lead decided where they disagree (`adjudicated`); both are null
where there is neither, and `criteria_met` is null where the criterion does not apply. A negative `weight`
marks what a response must not do.

`score` is the sum of the weights of the criteria that are met, out of the sum of the positive weights of
those that are met or not met, and at least 0 (HealthBench, arXiv 2505.08775); null where no criterion with
a positive weight is decided. Annotators did not see the weights. A prompt keeps calls of tools and their
results; reasoning is left out.

`check_id` is a hash of rubric, prompt and text. Row *n* of a split in `provenance` tells of row *n* of that
split in the first configuration; the `answers` of each person in `votes` are in the order of `rubrics`."""


def _rows(item: CheckedResponse) -> list[Row]:
    criteria: list[Row] = []
    for place, (question, said) in enumerate(zip(item.criteria, item.answers, strict=True)):
        votes = item.votes(place)
        criteria.append(
            {
                "criterion": question.title,
                "weight": question.weight,
                "criteria_met": said == MET if said in (MET, NOT_MET) else None,
                "applies": None if said is None else said != NOT_APPLICABLE,
                "n_met": votes[MET],
                "n_not_met": votes[NOT_MET],
                "n_does_not_apply": votes[NOT_APPLICABLE],
            }
        )
    return [
        {
            "prompt": messages(item.prompt),
            "completion": reply(item.text),
            "rubrics": [dict(each) for each in criteria],
            "score": item.score,
            **tools(item.prompt),
        }
    ]


def _provenance(item: CheckedResponse) -> list[Row]:
    return [
        {
            "check_id": item.check_id,
            "rubric": item.rubric,
            **of_response(item, len(item.checks)),
        }
    ]


def _votes(item: CheckedResponse) -> list[Row]:
    return [
        {
            "check_id": item.check_id,
            "person_id": each.person_id,
            "task_id": each.task_id,
            "answers": list(each.answers),
            "weight": each.weight,
        }
        for each in item.checks
    ]


def _measure(items: Sequence[CheckedResponse]) -> Measurements:
    sizes = Counter(item.rubric for item in items)
    scores = [item.score for item in items if item.score is not None]
    lines = [f"- Responses checked by `{rubric}`: {count}." for rubric, count in sorted(sizes.items())]
    mean = sum(scores) / len(scores) if scores else None
    if mean is not None:
        lines.append(f"- Mean score of the responses that have one: {mean:.2f}.")
    return Measurements(
        manifest={"rubrics": dict(sorted(sizes.items())), "scored": len(scores), "mean_score": mean},
        card="\n".join(lines),
    )


PROJECTION = Projection(
    name="rubric",
    help="Responses checked against a rubric: criteria with weights and votes, and a score.",
    title="Responses checked against rubrics",
    trainer="rubric rewards and graders, such as those of HealthBench",
    method=METHOD,
    limits=(
        "A score of few criteria has few steps, and one of one person's answers is one person's opinion.",
        "Scores of different rubrics are not on one scale: `rubric` in `provenance` tells them apart.",
    ),
    tables=(
        TableSpec("rubric", "checked responses to train on", COLUMNS, _rows),
        TableSpec("provenance", "where each checked response comes from", PROVENANCE, _provenance),
        TableSpec("votes", "every person's answers, under a pseudonym", VOTES, _votes),
    ),
    select=select_checked,
    measure=partial(OfAll, _measure),
    proposed=True,
)
