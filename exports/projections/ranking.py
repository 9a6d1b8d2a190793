"""Rankings of several responses, as trainers of reward models read them: a context and completions with ranks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from exports.columns import (
    COUNT,
    FLAG,
    MESSAGES,
    NUMBER,
    ORIGIN,
    TEXT,
    TEXTS,
    ListOf,
    messages,
    origin,
    reply,
    tools,
)
from exports.projection import Measurements, OfAll, Projection, TableSpec
from exports.selections import select_rankings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.columns import Columns, Row
    from exports.rankings import RankedResponses

COLUMNS: Columns = {
    "context": MESSAGES,
    "completions": ListOf({"rank": COUNT, "completion": MESSAGES}),
}
PROVENANCE: Columns = {
    "ranking_id": TEXT,
    "conversation_ids": TEXTS,
    "message_ids": ListOf(TEXTS),
    "origins": TEXTS,
    "rewrite_of": ListOf(TEXTS),
    "models": ListOf(TEXTS),
    "n_annotators": COUNT,
    "agreement": NUMBER,
    "weight": NUMBER,
    "adjudicated": FLAG,
    **ORIGIN,
}
VOTES: Columns = {
    "ranking_id": TEXT,
    "person_id": TEXT,
    "task_id": TEXT,
    "places": ListOf(COUNT),
    "weight": NUMBER,
}
METHOD = """\
People put three to five responses to one prompt in order; responses may share a place. Rankings of the
same prompt and texts are pooled, the latest of each person. A response's rank is the order of the mean of
its places over people, each weighing by confidence; responses that share a place count the mean of those that they
take up (1, 2, 2 counts 1, 2.5, 2.5), and equal means share a rank. Where people disagree about two
of the responses a lead may have decided which is better (`adjudicated`): then the order is that of how many
others each is better than. `completions` stand best first, and rank 0 is the best. A prompt keeps calls of
tools and their results; reasoning is left out.

`ranking_id` is a hash of prompt and texts. Row *n* of a split in `provenance` tells of row *n* of that split
in the first configuration; its `message_ids`, `origins`, `rewrite_of` and `models` are in the order of
`completions`, and so are the `places` of each person in `votes`. A completion of the origin `generated` stands in no
chat log: a model was asked for it, to be compared. One of the origin `accepted_rewrite` was written by a person, and
others preferred it to the response that `rewrite_of` names; it has no message and no model. `weight` is the mean
confidence of the people, `agreement` the share of comparisons of two responses, over people, that say what the ranks
say."""


def _rows(item: RankedResponses) -> list[Row]:
    return [
        {
            "context": messages(item.prompt),
            "completions": [
                {"rank": rank, "completion": reply(side.text)}
                for rank, side in zip(item.ranks, item.sides, strict=True)
            ],
            **tools(item.prompt),
        }
    ]


def _provenance(item: RankedResponses) -> list[Row]:
    return [
        {
            "ranking_id": item.ranking_id,
            "conversation_ids": list(item.conversation_ids),
            "message_ids": [list(side.message_ids) for side in item.sides],
            "origins": [side.origin.value for side in item.sides],
            "rewrite_of": [list(side.rewrite_of) for side in item.sides],
            "models": [list(side.models) for side in item.sides],
            "n_annotators": len(item.rankings),
            "agreement": item.agreement,
            "weight": item.weight,
            "adjudicated": item.adjudicated,
            **origin(item),
        }
    ]


def _votes(item: RankedResponses) -> list[Row]:
    return [
        {
            "ranking_id": item.ranking_id,
            "person_id": each.person_id,
            "task_id": each.task_id,
            "places": list(each.places),
            "weight": each.weight,
        }
        for each in item.rankings
    ]


def _measure(items: Sequence[RankedResponses]) -> Measurements:
    sizes = {size: sum(len(item.sides) == size for item in items) for size in range(2, 6)}
    tied = sum(len(set(item.ranks)) < len(item.ranks) for item in items)
    counted = ", ".join(f"{count} of {size}" for size, count in sizes.items() if count)
    return Measurements(
        manifest={
            "responses": {str(size): count for size, count in sizes.items() if count},
            "with_ties": tied,
        },
        card=f"- Rankings by number of responses: {counted}.\n- Rankings in which responses share a rank: {tied}.",
    )


PROJECTION = Projection(
    name="ranking",
    help="Rankings of three to five responses: a context, and completions with ranks.",
    title="Human rankings of responses",
    trainer="listwise losses, such as that of InstructGPT's reward model",
    method=METHOD,
    limits=(
        "`weight` and `n_annotators` in `provenance` tell how sure a ranking is.",
        "All comparisons of one ranking belong into one batch, or weigh as one: they are one person's opinion.",
    ),
    tables=(
        TableSpec("ranking", "rankings to train on", COLUMNS, _rows),
        TableSpec("provenance", "where each ranking comes from", PROVENANCE, _provenance),
        TableSpec("votes", "every person's ranking, under a pseudonym", VOTES, _votes),
    ),
    select=select_rankings,
    measure=partial(OfAll, _measure),
    proposed=True,
)
