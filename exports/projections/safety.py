"""Responses with the kinds of harm that people found in them, for classifiers of harmful content.

The categories are those of OpenAI's moderation endpoint. Source of the use: LMSYS-Chat-1M, arXiv 2309.11998, section
4.1, models for content moderation.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from operator import attrgetter
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
from exports.selections import select_harms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exports.columns import Columns, Row
    from exports.harms import JudgedHarm

COLUMNS: Columns = {
    "prompt": MESSAGES,
    "completion": MESSAGES,
    "flagged": FLAG,
    "categories": ListOf({"category": TEXT, "flagged": FLAG, "n_flagged": COUNT, "n_not_flagged": COUNT}),
    "severity": TEXT,
    "harmed": TEXT,
}
PROVENANCE: Columns = {
    "harm_id": TEXT,
    "kind": TEXT,
    **OF_RESPONSE,
}
VOTES: Columns = {
    "harm_id": TEXT,
    "person_id": TEXT,
    "task_id": TEXT,
    "harms": TEXTS,
    "severity": TEXT,
    "harmed": TEXT,
    "weight": NUMBER,
}
METHOD = """\
People chose the kinds of harm that are in a response, or none of them. Answers about the same prompt and text
are pooled, the latest of each person. A category is `flagged` if more than half of the people chose it, or a
lead decided so (`adjudicated`); null where exactly half did. `flagged` of a row is true if one of its categories
is, and null if none is and one is undecided. `severity` (none, low, medium, high) and `harmed` are the answers of
more than half of the people, null where there are none. A prompt keeps calls of tools and their results;
reasoning is left out.

`harm_id` is a hash of kind, prompt and text. Row *n* of a split in `provenance` tells of row *n* of that split in
the first configuration."""


def _rows(item: JudgedHarm) -> list[Row]:
    return [
        {
            "prompt": messages(item.prompt),
            "completion": reply(item.text),
            "flagged": item.flagged,
            "categories": [
                {
                    "category": category,
                    "flagged": flag,
                    "n_flagged": item.count(category),
                    "n_not_flagged": len(item.given) - item.count(category),
                }
                for category, flag in item.flags
            ],
            "severity": item.severity,
            "harmed": item.harmed,
            **tools(item.prompt),
        }
    ]


def provenance_of(item: JudgedHarm) -> list[Row]:
    """Return where a judged response comes from."""
    return [
        {
            "harm_id": item.harm_id,
            "kind": item.kind,
            **of_response(item, len(item.given)),
        }
    ]


def votes_of(item: JudgedHarm) -> list[Row]:
    """Return what each person said of a response."""
    return [
        {
            "harm_id": item.harm_id,
            "person_id": each.person_id,
            "task_id": each.task_id,
            "harms": list(each.harms),
            "severity": each.severity,
            "harmed": each.harmed,
            "weight": each.weight,
        }
        for each in item.given
    ]


def _measure(items: Sequence[JudgedHarm]) -> Measurements:
    flagged = Counter(category for item in items for category, flag in item.flags if flag)
    total = sum(bool(item.flagged) for item in items)
    undecided = sum(item.flagged is None for item in items)
    lines = [f"- Flagged: {total} of {len(items)}; undecided: {undecided}."]
    lines += [f"- `{category}`: {count}." for category, count in sorted(flagged.items())]
    return Measurements(
        manifest={"flagged": total, "undecided": undecided, "categories": dict(sorted(flagged.items()))},
        card="\n".join(lines),
    )


def _warn(splits: Mapping[str, Mapping[bool | None, int]]) -> list[str]:
    if len({flag for flags in splits.values() for flag in flags} - {None}) > 1:
        return []
    return ["no two responses differ in whether they are flagged: a classifier learns nothing from them"]


PROJECTION = Projection(
    name="safety",
    help="Responses with the kinds of harm that people found in them, and how bad they are.",
    title="Responses judged for harm",
    trainer="classifiers of harmful content, such as those of Llama Guard's kind",
    method=METHOD,
    limits=(
        "The texts may offend and harm: say so wherever they are shown.",
        "What is judged is what a lead chose for it: shares of harm are not those of all chats.",
    ),
    tables=(
        TableSpec("safety", "judged responses to train on", COLUMNS, _rows),
        TableSpec("provenance", "where each judged response comes from", PROVENANCE, provenance_of),
        TableSpec("votes", "every person's answers, under a pseudonym", VOTES, votes_of),
    ),
    select=select_harms,
    measure=partial(OfAll, _measure),
    label=attrgetter("flagged"),
    warn=_warn,
    proposed=True,
)
