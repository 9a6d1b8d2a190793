"""Preference pairs as two whole conversations, for trainers that find the common prompt themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, messages, tools
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

COLUMNS: Columns = {"chosen": MESSAGES, "rejected": MESSAGES}


def _rows(pair: PreferencePair) -> list[Row]:
    return [
        {
            "chosen": messages((*pair.prompt, ("assistant", pair.chosen.text))),
            "rejected": messages((*pair.prompt, ("assistant", pair.rejected.text))),
            **tools(pair.prompt),
        }
    ]


PROJECTION = Projection(
    name="implicit",
    help="Preference pairs as two whole conversations, each with the prompt.",
    title="Human preference pairs as whole conversations",
    trainer="torchtune, open-instruct, RewardBench, OpenRLHF (without prompt_key) and TRL",
    method=METHOD,
    limits=(SURE,),
    tables=(
        TableSpec(
            "pairs",
            "pairs to train on",
            COLUMNS,
            _rows,
            accepts=is_decided,
            of_columns=in_columns("whole_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=select_pairs,
    measure=PairFigures,
    measure_columns=figures_in_columns,
)
