"""Preference pairs as LLaMA-Factory reads them, with the ``dataset_info.json`` that declares them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exports.columns import MESSAGE, MESSAGES, messages
from exports.measurements import measure_pairs
from exports.pair_tables import METHOD, SURE, beside_pairs
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_alternating_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

NAME = "llama-factory"
COLUMNS: Columns = {"conversations": MESSAGES, "chosen": MESSAGE, "rejected": MESSAGE}
USE = (
    "`llamafactory-cli train` reads this folder with `dataset_dir` and the datasets `chatfeedback_train` and "
    "`chatfeedback_test`. It accepts alternating turns alone; other pairs are in `omissions`."
)


def _rows(pair: PreferencePair) -> list[Row]:
    return [
        {
            "conversations": messages(pair.prompt),
            "chosen": {"role": "assistant", "content": pair.chosen.text},
            "rejected": {"role": "assistant", "content": pair.rejected.text},
        }
    ]


def _dataset_info(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the declaration of the datasets. Source: LLaMA-Factory 0.9.5, ``data/README.md``."""
    declared = {
        f"chatfeedback_{split}": {
            "file_name": path,
            "ranking": True,
            "formatting": "sharegpt",
            "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
            "tags": {
                "role_tag": "role",
                "content_tag": "content",
                "user_tag": "user",
                "assistant_tag": "assistant",
                "observation_tag": "tool",
                "function_tag": "function_call",
                "system_tag": "system",
            },
        }
        for split, path in paths[NAME].items()
    }
    return {"dataset_info.json": json.dumps(declared, indent=2) + "\n"}


PROJECTION = Projection(
    name=NAME,
    help="Preference pairs for LLaMA-Factory, with dataset_info.json.",
    title="Human preference pairs for LLaMA-Factory",
    trainer="LLaMA-Factory's DPO and reward model",
    method=METHOD,
    limits=(SURE, USE),
    tables=(TableSpec(NAME, "pairs to train on", COLUMNS, _rows, accepts=is_decided), *beside_pairs()),
    select=select_alternating_pairs,
    measure=measure_pairs,
    files=_dataset_info,
)
