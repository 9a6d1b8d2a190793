"""Preference pairs as OpenRLHF reads them, for DPO and its reward model."""

from __future__ import annotations

from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.projections.reward import COLUMNS, MARGIN, rows
from exports.selections import is_decided, select_pairs_without_definitions

KEYS = (
    "OpenRLHF needs `--data.prompt_key prompt --data.chosen_key chosen --data.rejected_key rejected "
    "--data.apply_chat_template`; versions before the dotted options write them without `data.`."
)

PROJECTION = Projection(
    name="openrlhf",
    help="Preference pairs for OpenRLHF, with a margin.",
    title="Human preference pairs for OpenRLHF",
    trainer="OpenRLHF's train_dpo and train_rm",
    method=METHOD,
    limits=(SURE, MARGIN, KEYS),
    tables=(
        TableSpec(
            "openrlhf",
            "pairs to train on",
            COLUMNS,
            rows,
            accepts=is_decided,
            of_columns=in_columns("prompted_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=select_pairs_without_definitions,
    measure=PairFigures,
    measure_columns=figures_in_columns,
)
