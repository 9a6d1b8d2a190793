"""Preference pairs as NeMo-RL's preference datasets read them: a context and ranked completions, as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import COUNT, MESSAGES, ListOf, messages, reply
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs_without_definitions

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

COLUMNS: Columns = {
    "context": MESSAGES,
    "completions": ListOf({"rank": COUNT, "completion": MESSAGES}),
}
FILES = (
    "NeMo-RL takes the path of a JSONL file: with `dataset_name: PreferenceDataset`, `data.train.data_path` of its "
    "YAML is the one file of this folder whose path starts with `data/nemo-rl/train-` and ends with `.jsonl`, and "
    "`data.validation.data_path` that of `test-`. "
    "Rank 0 is the chosen response. Ties are not among the rows, because its loader would train on them as equals. "
    "Where prompts call tools, a reader of JSON lines can fill keys that a message lacks with nulls, which templates "
    "may take for calls: read the Parquet files of the same names instead."
)


def _rows(pair: PreferencePair) -> list[Row]:
    return [
        {
            "context": messages(pair.prompt),
            "completions": [
                {"rank": 0, "completion": reply(pair.chosen.text)},
                {"rank": 1, "completion": reply(pair.rejected.text)},
            ],
        }
    ]


PROJECTION = Projection(
    name="nemo-rl",
    help="Preference pairs for NeMo-RL: ranked completions, also as JSON lines.",
    title="Human preference pairs for NeMo-RL",
    trainer="NeMo-RL's DPO and reward model",
    method=METHOD,
    limits=(SURE, FILES),
    tables=(
        TableSpec(
            "nemo-rl",
            "pairs to train on",
            COLUMNS,
            _rows,
            accepts=is_decided,
            of_columns=in_columns("ranked_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=select_pairs_without_definitions,
    measure=PairFigures,
    measure_columns=figures_in_columns,
    json_lines=True,
)
