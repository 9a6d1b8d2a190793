"""Preference pairs with a margin, for TRL's ``RewardTrainer`` and OpenRLHF's reward model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, NUMBER, messages, reply, tools
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

COLUMNS: Columns = {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, "margin": NUMBER}
MARGIN = (
    "`margin` here is that of `provenance`, or 0 where it is negative because people of high confidence were "
    "outvoted: it is never null, and a loss with a negative margin would pull the sides together."
)


def rows(pair: PreferencePair) -> list[Row]:
    """Return the row of a pair."""
    return [
        {
            "prompt": messages(pair.prompt),
            "chosen": reply(pair.chosen.text),
            "rejected": reply(pair.rejected.text),
            "margin": max(0.0, pair.margin),
            **tools(pair.prompt),
        }
    ]


PROJECTION = Projection(
    name="reward",
    help="Preference pairs with a margin: how sure people are, and how much better they call the response.",
    title="Human preference pairs with margins",
    trainer="RewardTrainer",
    method=METHOD,
    limits=(SURE, MARGIN),
    tables=(
        TableSpec(
            "trl",
            "pairs to train on",
            COLUMNS,
            rows,
            accepts=is_decided,
            of_columns=in_columns("prompted_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=select_pairs,
    measure=PairFigures,
    measure_columns=figures_in_columns,
)
