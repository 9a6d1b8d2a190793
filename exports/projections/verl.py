"""Preference pairs as verl's reward model reads them: Parquet files of three strings."""

from __future__ import annotations

from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.projections.flat import COLUMNS, STRINGS, rows
from exports.selections import is_decided, select_pairs_without_tools

FILES = (
    "verl takes the path of a Parquet file, and no pattern: `data.train_files` is the one file of this folder whose "
    "path starts with `data/verl/train-`."
)

PROJECTION = Projection(
    name="verl",
    help="Preference pairs as Parquet files of three strings, for verl's reward model.",
    title="Human preference pairs for verl",
    trainer="verl's reward model",
    method=METHOD,
    limits=(SURE, STRINGS, FILES),
    tables=(
        TableSpec(
            "verl",
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
    one_file=True,
)
