"""Ratings of responses in UltraFeedback's columns: an instruction, and completions with ratings by aspect.

Source: Cui et al. (2023), UltraFeedback, arXiv 2310.01377, the dataset's card, and scripts that read it: they take
``int(Rating)``, ``Rating == "N/A"``, ``completions[models.index(name)]`` and all four of its aspects.
"""

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
    Columns,
    ListOf,
    flat_prompt,
    messages,
    origin,
)
from exports.projection import Measurements, OfAll, Projection, TableSpec
from exports.rated import ASPECTS
from exports.selections import select_rated_without_tools

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import JsonValue

    from exports.columns import Row
    from exports.rated import RatedPrompt, RatedResponse, Rating

NOT_RATED = "N/A"
HONESTY = "honesty"
"""An aspect of UltraFeedback that no kind of task asks about: its columns are there, and never rated."""
RATING: Columns = {"Rating": TEXT, "Rationale": TEXT, "mean": NUMBER, "n_annotators": COUNT}
COLUMNS: Columns = {
    "source": TEXT,
    "instruction": TEXT,
    "prompt": MESSAGES,
    "models": TEXTS,
    "completions": ListOf(
        {
            "model": TEXT,
            "response": TEXT,
            "annotations": dict.fromkeys((*ASPECTS.values(), HONESTY), RATING),
            "critique": TEXT,
            "fine-grained_score": NUMBER,
            "overall_score": NUMBER,
        }
    ),
    "correct_answers": TEXTS,
    "incorrect_answers": TEXTS,
}
PROVENANCE: Columns = {
    "rated_id": TEXT,
    "conversation_ids": TEXTS,
    "message_ids": ListOf(TEXTS),
    "models": ListOf(TEXTS),
    "origins": TEXTS,
    "n_annotators": COUNT,
    "adjudicated": FLAG,
    **ORIGIN,
}
VOTES: Columns = {
    "rated_id": TEXT,
    "completion": COUNT,
    "person_id": TEXT,
    "task_id": TEXT,
    "aspect": TEXT,
    "rating": NUMBER,
    "reason": TEXT,
    "weight": NUMBER,
}
METHOD = """\
A row is a prompt with every response to it that people rated. `mean` is the mean over people, each
weighing by confidence, from 1 to 5: a score from 1 to 5 is taken as it is, Yes and a thumb up are 5, No and a thumb
down are 1, N/A is no rating. Where people disagree a lead may have decided it (`adjudicated` in `provenance`), whatever
the ratings. It is null where nobody rated the aspect (`n_annotators` 0). `Rating` is what scripts
that read UltraFeedback expect: the mean as a whole number in a string, or `N/A`. No kind of task asks about `honesty`,
which is always `N/A`. `Rationale` is what people wrote about it, one paragraph each, and `critique` all that they
wrote about the response. Place *n* of `models` is the model of place *n* of `completions`. `correct_answers` and
`incorrect_answers` are empty; `principle` and `custom_system_prompt` are not there. `fine-grained_score` is the mean
over instruction_following, helpfulness, truthfulness and style; `overall_score` the mean score, or else the mean thumb,
or else that mean. Tags of sensitive and toxic, whose higher answer is not the better one, are in the export `kto`.
`instruction` is the prompt as one string, `prompt` the same as messages; prompts with tools are left out, and
reasoning is, too.

`rated_id` is a hash of the prompt. Row *n* of a split in `provenance` tells of row *n* of that split in the
first configuration; its lists are in the order of `completions`, and `completion` in `votes` is the place there."""


def _rows(item: RatedPrompt) -> list[Row]:
    return [
        {
            "source": ", ".join(item.sources),
            "instruction": flat_prompt(item.prompt),
            "prompt": messages(item.prompt),
            "models": [", ".join(response.models) for response in item.responses],
            "completions": [
                {
                    "model": ", ".join(response.models),
                    "response": response.text,
                    "annotations": {
                        aspect: _annotation(response, aspect) for aspect in (*ASPECTS.values(), HONESTY)
                    },
                    "critique": _said(response.ratings),
                    "fine-grained_score": response.fine_grained,
                    "overall_score": response.overall,
                }
                for response in item.responses
            ],
            "correct_answers": [],
            "incorrect_answers": [],
        }
    ]


def _annotation(response: RatedResponse, aspect: str) -> dict[str, JsonValue]:
    mean, given = response.mean(aspect), response.of(aspect)
    return {
        "Rating": NOT_RATED if mean is None else str(int(mean + 0.5)),
        "Rationale": _said(given),
        "mean": mean,
        "n_annotators": len(given),
    }


def _said(given: Iterable[Rating]) -> str:
    """Return what people wrote, each text once, a paragraph each."""
    return "\n\n".join(dict.fromkeys(it.reason for it in given if it.reason))


def _provenance(item: RatedPrompt) -> list[Row]:
    return [
        {
            "rated_id": item.rated_id,
            "conversation_ids": list(item.conversation_ids),
            "message_ids": [list(response.message_ids) for response in item.responses],
            "models": [list(response.models) for response in item.responses],
            "origins": [response.origin.value for response in item.responses],
            "n_annotators": len(item.person_ids),
            "adjudicated": item.adjudicated,
            **origin(item),
        }
    ]


def _votes(item: RatedPrompt) -> list[Row]:
    return [
        {
            "rated_id": item.rated_id,
            "completion": place,
            "person_id": each.person_id,
            "task_id": each.task_id,
            "aspect": each.aspect,
            "rating": each.value,
            "reason": each.reason,
            "weight": each.weight,
        }
        for place, response in enumerate(item.responses)
        for each in response.ratings
    ]


def _measure(items: Sequence[RatedPrompt]) -> Measurements:
    responses = [response for item in items for response in item.responses]
    rated = {aspect: sum(bool(it.of(aspect)) for it in responses) for aspect in ASPECTS.values()}
    several = sum(len(item.responses) > 1 for item in items)
    told = ", ".join(f"{aspect} {count:,}" for aspect, count in rated.items())
    return Measurements(
        manifest={"responses": len(responses), "rated": {**rated}, "prompts_with_several": several},
        card=(
            f"- Responses: {len(responses):,}; with a rating of {told}.\n"
            f"- Prompts with several rated responses: {several:,} of {len(items):,}."
        ),
    )


PROJECTION = Projection(
    name="ultrafeedback",
    help="Prompts with rated responses, each with ratings by aspect, in UltraFeedback's columns.",
    title="Human ratings of responses by aspect",
    trainer="scripts that read UltraFeedback",
    method=METHOD,
    limits=(
        "Ratings by people who saw one response at a time tell less of small differences than comparisons do.",
        "Most prompts of chat logs have one response: only those with several tell which is better.",
    ),
    tables=(
        TableSpec("ultrafeedback", "prompts with rated responses", COLUMNS, _rows),
        TableSpec("provenance", "where each prompt and its responses come from", PROVENANCE, _provenance),
        TableSpec("votes", "every rating, under a pseudonym", VOTES, _votes),
    ),
    select=select_rated_without_tools,
    measure=partial(OfAll, _measure),
    proposed=True,
)
