"""Preference pairs as a dataset that TRL's ``DPOTrainer`` and ``RewardTrainer`` read as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, messages, reply, tools
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pair_columns import PairColumns
    from exports.pairs import PreferencePair
    from exports.projection import Placed

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


def _trl_columns(pairs: PairColumns) -> Placed:
    from exports.pair_table_columns import to_train_on  # listing the projections needs no Arrow

    return to_train_on(pairs, TRL)


def _figures(pairs: PairColumns) -> PairFigures:
    from exports.pair_figures import pair_figures

    return pair_figures(pairs)


PROJECTION = Projection(
    name="dpo",
    help="Preference pairs: a prompt, the response with most of the votes, the other one.",
    title="Human preference pairs",
    trainer="DPOTrainer or RewardTrainer",
    method=METHOD,
    limits=(SURE,),
    tables=(
        TableSpec("trl", "pairs to train on", TRL, _trl, accepts=is_decided, of_columns=_trl_columns),
        *beside_pairs(),
    ),
    select=select_pairs,
    measure=PairFigures,
    measure_columns=_figures,
    proposed=True,
)
