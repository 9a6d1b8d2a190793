"""Preference pairs as a dataset that TRL's ``DPOTrainer`` and ``RewardTrainer`` read as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, messages, reply, tools
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, decided, in_schema, prompts_of, replies_of
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs

if TYPE_CHECKING:
    import pyarrow as pa

    from exports.arrays import Numbers
    from exports.columns import Columns, Row
    from exports.pair_columns import PairColumns
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


def _trl_columns(every: PairColumns) -> tuple[pa.Table, Numbers]:
    """Return the rows of ``TRL`` of the decided pairs, and the place of each row's pair."""
    places = decided(every)
    pairs = every.at(places)
    columns = {
        "prompt": prompts_of(pairs),
        "chosen": replies_of(pairs, pairs.chosen),
        "rejected": replies_of(pairs, 1 - pairs.chosen),
    }
    return in_schema(columns, TRL), places


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
    proposed=True,
)
