"""Responses, and what people made of them: for models that correct, and for models that say what is wrong.

Source of the columns: Wang et al. (2025), HelpSteer3, Human-annotated feedback and edits, arXiv 2503.04378, and the
dataset's card (its configuration ``edit``).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from exports.columns import MESSAGES, TEXT, TEXTS, messages, tools
from exports.pair_schemas import PROVENANCE, VOTES
from exports.pair_tables import how_made, provenance, vote_rows
from exports.projection import Measurements, OfAll, Projection, TableSpec
from exports.selections import select_edits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.columns import Columns, Row
    from exports.rewritten import Edit

COLUMNS: Columns = {
    "context": MESSAGES,
    "original_response": TEXT,
    "edited_response": TEXT,
    "feedback": TEXTS,
}
METHOD = f"""\
A row is a response of a model and a rewrite of it by a person that people prefer: by the votes of those who
compared both without knowing which is which, or, where nobody was asked, by its writer's own word
(`chosen_origin` in `provenance`: `accepted_rewrite`, `human_edit`). `feedback` is what the writers answered
against the response, one sentence each, and the reasons of those who prefer the rewrite; it is empty where
nobody said anything.

{how_made("there is no row")}"""


def _rows(edit: Edit) -> list[Row]:
    return [
        {
            "context": messages(edit.prompt),
            "original_response": edit.rejected.text,
            "edited_response": edit.chosen.text,
            "feedback": list(edit.feedback),
            **tools(edit.prompt),
        }
    ]


def _measure(edits: Sequence[Edit]) -> Measurements:
    told = sum(bool(edit.feedback) for edit in edits)
    accepted = sum(edit.chosen.origin == "accepted_rewrite" for edit in edits)
    return Measurements(
        manifest={"with_feedback": told, "accepted": accepted},
        card=(
            f"- Edits with feedback: {told} of {len(edits)}.\n"
            f"- Accepted by others' votes: {accepted} of {len(edits)}."
        ),
    )


PROJECTION: Projection[Edit] = Projection(
    name="edit",
    help="Responses and people's rewrites of them, with what was wrong, in HelpSteer 3's columns.",
    title="Human edits with feedback",
    trainer="models that correct and criticise responses, trained as NVIDIA's HelpSteer 3 edit and feedback models",
    method=METHOD,
    limits=("A rewrite says how one person would have answered, not that the response was bad.",),
    tables=(
        TableSpec("edit", "edits to train on", COLUMNS, _rows),
        TableSpec("provenance", "where each edit comes from", PROVENANCE, provenance),
        TableSpec("votes", "every vote, under a pseudonym", VOTES, vote_rows),
    ),
    select=select_edits,
    measure=partial(OfAll, _measure),
)
