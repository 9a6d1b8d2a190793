"""Moderation endpoints beside people: what each says of responses that people judged for harm.

Source of the comparison: LMSYS-Chat-1M, arXiv 2309.11998, section 4.1, models for content moderation.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from exports.columns import COUNT, FLAG, MESSAGES, TEXT, TEXTS, Columns, ListOf, messages, reply, tools
from exports.moderated import score
from exports.projection import Measurements, OfAll, Projection, TableSpec
from exports.projections.safety import METHOD as SAFETY
from exports.projections.safety import PROVENANCE, VOTES, provenance_of, votes_of
from exports.selections import select_moderated
from workspaces.grammar import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from exports.columns import Row
    from exports.moderated import ModeratedResponse, Score

COLUMNS: Columns = {
    "prompt": MESSAGES,
    "completion": MESSAGES,
    "flagged": FLAG,
    "categories": TEXTS,
    "n_flagged": COUNT,
    "n_annotators": COUNT,
    "severity": TEXT,
    "moderations": ListOf({"agent": TEXT, "flagged": FLAG, "categories": TEXTS}),
}
METHOD = f"""\
A row is a response that people judged for harm and at least one moderation endpoint (or the local hint) judged,
too. `flagged` and `categories` are what people say, `moderations` what each endpoint says of the same text, by its own
names of categories; `n_flagged` of `n_annotators` people found any harm. Precision, recall, F1 and accuracy of
each endpoint are in the manifest and below, over the responses on which people decided: they take the majority
of people for the truth.

{SAFETY}"""


def _rows(item: ModeratedResponse) -> list[Row]:
    return [
        {
            "prompt": messages(item.prompt),
            "completion": reply(item.text),
            "flagged": item.flagged,
            "categories": [category for category, flag in item.flags if flag],
            "n_flagged": sum(bool(each.harms) for each in item.given),
            "n_annotators": len(item.given),
            "severity": item.severity,
            "moderations": [
                {"agent": agent, "flagged": verdict.flagged, "categories": list(verdict.categories)}
                for agent, verdict in item.verdicts
            ],
            **tools(item.prompt),
        }
    ]


def _figures(found: Score) -> dict[str, JsonValue]:
    return {
        "judged": found.judged,
        "both": found.both,
        "endpoint_alone": found.endpoint_alone,
        "people_alone": found.people_alone,
        "neither": found.neither,
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
        "accuracy": found.accuracy,
    }


def _measure(items: Sequence[ModeratedResponse]) -> Measurements:
    agents = sorted({agent for item in items for agent, _ in item.verdicts})
    scores = {agent: score(agent, items) for agent in agents}
    lines = [
        f"- `{agent}`, over {counted(found.judged, 'decided response')}: precision {_told(found.precision)}, recall "
        f"{_told(found.recall)}, F1 {_told(found.f1)}, accuracy {_told(found.accuracy)}."
        for agent, found in scores.items()
    ]
    return Measurements(
        manifest={"moderation": {agent: _figures(found) for agent, found in scores.items()}},
        card="\n".join(lines),
    )


def _told(figure: float | None) -> str:
    return "undefined" if figure is None else f"{figure:.3f}"


PROJECTION: Projection[ModeratedResponse] = Projection(
    name="moderation",
    help="Responses that people judged for harm, with what moderation endpoints say of them, and their F1.",
    title="Moderation endpoints beside people",
    trainer="comparisons of moderation endpoints, such as that of LMSYS-Chat-1M",
    method=METHOD,
    limits=(
        "The texts may offend and harm: say so wherever they are shown.",
        "What people judged is what a lead chose for it: precision and recall are those over these responses alone.",
        "An endpoint judged single messages; people saw what came before them.",
    ),
    tables=(
        TableSpec("moderation", "responses that people and endpoints judged", COLUMNS, _rows),
        TableSpec("provenance", "where each response comes from", PROVENANCE, provenance_of),
        TableSpec("votes", "every person's answers, under a pseudonym", VOTES, votes_of),
    ),
    select=select_moderated,
    measure=partial(OfAll, _measure),
    at_once=True,
)
