"""Labelled completions as a dataset that TRL's ``KTOTrainer`` reads as it is."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from exports.columns import FLAG, MESSAGES, messages, reply, tools
from exports.completion_tables import METHOD, SURE, beside_completions
from exports.measurements import CompletionFigures, warn_of_one_label
from exports.order import spread
from exports.projection import Projection, TableSpec
from exports.selections import select_completions

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.completions import LabelledCompletion

TRL: Columns = {"prompt": MESSAGES, "completion": MESSAGES, "label": FLAG}


def _trl(row: LabelledCompletion) -> list[Row]:
    return [
        {
            "prompt": messages(row.prompt),
            "completion": reply(row.completion.text),
            "label": row.label,
            **tools(row.prompt),
        }
    ]


PROJECTION = Projection(
    name="kto",
    help="Single labels: a prompt, one response, and whether people want it.",
    title="Human labels of completions",
    trainer="KTOTrainer",
    method=METHOD,
    limits=(
        SURE,
        "Rows are shuffled, rows of one prompt apart, because `KTOTrainer` reads its file in order.",
        "`KTOTrainer` needs a batch over 1; `desirable_weight` and `undesirable_weight` even out labels.",
    ),
    tables=(TableSpec("trl", "completions to train on", TRL, _trl), *beside_completions()),
    select=select_completions,
    measure=CompletionFigures,
    label=attrgetter("label"),
    warn=warn_of_one_label,
    arrange=spread,
    proposed=True,
)
