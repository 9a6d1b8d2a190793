"""Preference pairs as a dataset that TRL's ``DPOTrainer`` and ``RewardTrainer`` read as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, messages, reply, tools
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

TRL: Columns = {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES}


def _trl(pair: PreferencePair) -> list[Row]:
    return [
        {
            "prompt": messages(pair.prompt),
            "chosen": reply(pair.chosen.text),
            "rejected": reply(pair.rejected.text),
            **tools(pair.prompt),
        }
    ]


PROJECTION = Projection(
    name="dpo",
    help="Preference pairs: a prompt, the response with most of the votes, the other one.",
    title="Human preference pairs",
    trainer="DPOTrainer or RewardTrainer",
    method=METHOD,
    limits=(SURE,),
    tables=(
        TableSpec(
            "trl",
            "pairs to train on",
            TRL,
            _trl,
            accepts=is_decided,
            of_columns=in_columns("prompted_rows", TRL),
        ),
        *beside_pairs(),
    ),
    select=select_pairs,
    measure=PairFigures,
    measure_columns=figures_in_columns,
    proposed=True,
)
