"""Labelled completions as the strings that axolotl's KTO reads.

Source: axolotl 0.19, ``prompt_strategies/kto``: ``argilla`` of ``chatml`` and ``llama3``, which write the template.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from exports.columns import FLAG, TEXT
from exports.completion_tables import METHOD, SURE, beside_completions
from exports.measurements import CompletionFigures, warn_of_one_label
from exports.omissions import OmissionReason
from exports.order import spread
from exports.projection import Projection, TableSpec
from exports.selections import completions_where, select_completions_without_tools
from workspaces.records import Role

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.completions import LabelledCompletion
    from exports.context import Prompt

COLUMNS: Columns = {"system": TEXT, "instruction": TEXT, "completion": TEXT, "label": FLAG}
CONFIGURATION = (
    "In axolotl's YAML: `rl: kto`, and under `datasets` this folder as `path`, `name: axolotl-kto`, `split: train`, "
    "`type: chatml.argilla` or `type: llama3.argilla`, whichever is the model's template. Its strings have one user "
    "turn, after a system turn if any: labels of longer conversations are in `omissions`."
)


def _one_turn(prompt: Prompt) -> bool:
    roles = [role for role, *_ in prompt]
    return roles in ([Role.USER], [Role.SYSTEM, Role.USER])


def _rows(row: LabelledCompletion) -> list[Row]:
    *system, (_, instruction, *_) = row.prompt
    return [
        {
            "system": system[0][1] if system else "",
            "instruction": instruction,
            "completion": row.completion.text,
            "label": row.label,
        }
    ]


PROJECTION = Projection(
    name="axolotl-kto",
    help="Single labels for axolotl's KTO, as strings: system, instruction, completion.",
    title="Human labels of completions for axolotl",
    trainer="axolotl with rl: kto and chatml.argilla or llama3.argilla",
    method=METHOD,
    limits=(SURE, "Rows are shuffled, rows of one prompt apart.", CONFIGURATION),
    tables=(TableSpec("axolotl-kto", "completions to train on", COLUMNS, _rows), *beside_completions()),
    select=completions_where(_one_turn, OmissionReason.SEVERAL_TURNS, select_completions_without_tools),
    measure=CompletionFigures,
    label=attrgetter("label"),
    warn=warn_of_one_label,
    arrange=spread,
)
