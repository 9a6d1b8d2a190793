"""Preference pairs as LLaMA-Factory reads them, with the ``dataset_info.json`` that declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGE, MESSAGES, TEXT
from exports.measurements import PairFigures
from exports.omissions import OmissionReason
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import alternates, is_decided, pairs_where
from exports.sharegpt import USE, dataset_info, is_readable, tools_text, turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.arrays import Flags
    from exports.columns import Columns, Row
    from exports.message_columns import Messages, Ways
    from exports.pairs import PreferencePair

NAME = "llama-factory"
COLUMNS: Columns = {"conversations": MESSAGES, "chosen": MESSAGE, "rejected": MESSAGE, "tools": TEXT}
DECLARED = {"messages": "conversations", "chosen": "chosen", "rejected": "rejected", "tools": "tools"}


def _rows(pair: PreferencePair) -> list[Row]:
    return [
        {
            "conversations": turns(pair.prompt),
            "chosen": {"role": "assistant", "content": pair.chosen.text},
            "rejected": {"role": "assistant", "content": pair.rejected.text},
            "tools": tools_text(pair.prompt),
        }
    ]


def _files(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return dataset_info(paths[NAME], DECLARED, {"ranking": True})


def _alternate(prompts: Ways, messages: Messages) -> Flags:
    return prompts.alternate(messages)


PROJECTION = Projection(
    name=NAME,
    help="Preference pairs for LLaMA-Factory, with dataset_info.json.",
    title="Human preference pairs for LLaMA-Factory",
    trainer="LLaMA-Factory's DPO and reward model",
    method=METHOD,
    limits=(SURE, USE),
    tables=(
        TableSpec(
            NAME,
            "pairs to train on",
            COLUMNS,
            _rows,
            accepts=is_decided,
            of_columns=in_columns("turn_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=pairs_where(is_readable, select=pairs_where(alternates, OmissionReason.NOT_ALTERNATING)),
    select_columns=_alternate,
    measure=PairFigures,
    measure_columns=figures_in_columns,
    files=_files,
)
