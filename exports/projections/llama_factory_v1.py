"""Preference pairs as LLaMA-Factory's v1 engine reads them, with the ``dataset_info.yaml`` that declares them.

Source: LLaMA-Factory 0.9.5, ``v1/core/data_engine.py`` and ``v1/plugins/data_plugins/converter.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from exports.columns import MESSAGES, messages, reply
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, pairs_where, without_tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

NAME = "llama-factory-v1"
COLUMNS: Columns = {"chosen": MESSAGES, "rejected": MESSAGES}
USE = (
    "The v1 engine reads `dataset_info.yaml`, whose paths are those from this folder: start it here. Its converter "
    "`pair` takes a tool's result for a call and drops what is no JSON; pairs with tools are in `omissions`."
)


def _rows(pair: PreferencePair) -> list[Row]:
    before = messages(pair.prompt)
    return [
        {
            "chosen": [*before, *reply(pair.chosen.text)],
            "rejected": [*before, *reply(pair.rejected.text)],
        }
    ]


def _files(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the declaration; each file is one data set, in which the engine's loader names every row ``train``."""
    declared = {
        f"chatfeedback_{split}": {"path": path, "source": "local", "split": "train", "converter": "pair"}
        for split, path in paths[NAME].items()
    }
    return {"dataset_info.yaml": yaml.safe_dump(declared, sort_keys=False)}


PROJECTION = Projection(
    name=NAME,
    help="Preference pairs for LLaMA-Factory's v1 engine, with dataset_info.yaml.",
    title="Human preference pairs for LLaMA-Factory's v1 engine",
    trainer="LLaMA-Factory's v1 engine (converter pair)",
    method=METHOD,
    limits=(SURE, USE),
    tables=(
        TableSpec(
            NAME,
            "pairs to train on",
            COLUMNS,
            _rows,
            accepts=is_decided,
            of_columns=in_columns("whole_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=pairs_where(without_tools),
    measure=PairFigures,
    measure_columns=figures_in_columns,
    files=_files,
)
