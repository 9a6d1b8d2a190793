"""Preference pairs as three strings, for trainers that know no messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import TEXT, flat_prompt
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs_without_tools

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

COLUMNS: Columns = {"prompt": TEXT, "chosen": TEXT, "rejected": TEXT}
STRINGS = (
    "A prompt of one user turn is its text. Any other is its turns, each as its role, a colon and its text, with an "
    "empty line between turns and `assistant:` at the end."
)


def rows(pair: PreferencePair) -> list[Row]:
    """Return the row of a pair."""
    return [{"prompt": flat_prompt(pair.prompt), "chosen": pair.chosen.text, "rejected": pair.rejected.text}]


PROJECTION = Projection(
    name="flat",
    help="Preference pairs as three strings: prompt, chosen, rejected.",
    title="Human preference pairs as strings",
    trainer="trainers of strings",
    method=METHOD,
    limits=(SURE, STRINGS),
    tables=(
        TableSpec(
            "strings",
            "pairs to train on",
            COLUMNS,
            rows,
            accepts=is_decided,
            of_columns=in_columns("text_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=select_pairs_without_tools,
    measure=PairFigures,
    measure_columns=figures_in_columns,
)
