"""Labelled completions as LLaMA-Factory's KTO reads them: whole conversations and a ``kto_tag``."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from exports.columns import FLAG, MESSAGES, TEXT
from exports.completion_tables import METHOD, SURE, beside_completions
from exports.measurements import CompletionFigures, warn_of_one_label
from exports.omissions import OmissionReason
from exports.order import spread
from exports.projection import Projection, TableSpec
from exports.selections import alternates, completions_where
from exports.sharegpt import USE, dataset_info, is_readable, tools_text, turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.columns import Columns, Row
    from exports.completions import LabelledCompletion

NAME = "llama-factory-kto"
COLUMNS: Columns = {"conversations": MESSAGES, "kto_tag": FLAG, "tools": TEXT}
DECLARED = {"messages": "conversations", "kto_tag": "kto_tag", "tools": "tools"}


def _rows(row: LabelledCompletion) -> list[Row]:
    return [
        {
            "conversations": [*turns(row.prompt), {"role": "assistant", "content": row.completion.text}],
            "kto_tag": row.label,
            "tools": tools_text(row.prompt),
        }
    ]


def _files(paths: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return dataset_info(paths[NAME], DECLARED, {})


PROJECTION = Projection(
    name=NAME,
    help="Single labels for LLaMA-Factory's KTO, with dataset_info.json.",
    title="Human labels of completions for LLaMA-Factory",
    trainer="LLaMA-Factory's KTO",
    method=METHOD,
    limits=(SURE, "Rows are shuffled, rows of one prompt apart.", USE),
    tables=(TableSpec(NAME, "completions to train on", COLUMNS, _rows), *beside_completions()),
    select=completions_where(
        is_readable, select=completions_where(alternates, OmissionReason.NOT_ALTERNATING)
    ),
    measure=CompletionFigures,
    label=attrgetter("label"),
    warn=warn_of_one_label,
    arrange=spread,
    files=_files,
)
