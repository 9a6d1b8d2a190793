"""Preference pairs with a reference that a person wrote, for TRL's experimental ``TPOTrainer``.

Source: Saeidi et al. (2024), Triple preference optimization, arXiv 2405.16681, and TRL's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, TEXTS, messages, reply, tools
from exports.measurements import PairFigures
from exports.pair_schemas import PROVENANCE, VOTES
from exports.pair_tables import SURE, how_made, provenance, vote_rows
from exports.projection import Projection, TableSpec
from exports.selections import select_referenced

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.rewritten import ReferencedPair

COLUMNS: Columns = {
    "prompt": MESSAGES,
    "reference": MESSAGES,
    "chosen": MESSAGES,
    "rejected": MESSAGES,
}
REFERENCED: Columns = {**PROVENANCE, "reference_rewrite_of": TEXTS}
METHOD = f"""\
`chosen` and `rejected` are responses of models. `reference` is a rewrite to the same prompt that people prefer to
the response that it replaces (`reference_rewrite_of` in `provenance`), and to which they prefer neither `chosen` nor
`rejected`; of several, the one with the most votes, which are in `votes` of the export `edit`.

{how_made("there is no row")}"""


def _rows(pair: ReferencedPair) -> list[Row]:
    return [
        {
            "prompt": messages(pair.prompt),
            "reference": reply(pair.reference),
            "chosen": reply(pair.chosen.text),
            "rejected": reply(pair.rejected.text),
            **tools(pair.prompt),
        }
    ]


def _provenance(pair: ReferencedPair) -> list[Row]:
    return [{**row, "reference_rewrite_of": list(pair.reference_of)} for row in provenance(pair)]


PROJECTION: Projection[ReferencedPair] = Projection(
    name="tpo",
    help="Preference pairs with a reference: a person's rewrite to the same prompt.",
    title="Human preference pairs with references",
    trainer="TPOTrainer",
    method=METHOD,
    limits=(
        SURE,
        "Nobody compared `reference` with `chosen`, unless a pair of `dpo` says so.",
    ),
    tables=(
        TableSpec("trl", "pairs to train on", COLUMNS, _rows),
        TableSpec("provenance", "where each pair comes from", REFERENCED, _provenance),
        TableSpec("votes", "every vote on chosen and rejected, under a pseudonym", VOTES, vote_rows),
    ),
    select=select_referenced,
    measure=PairFigures,
)
