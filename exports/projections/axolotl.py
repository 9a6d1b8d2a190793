"""Preference pairs as axolotl's ``chat_template.default`` reads them: the responses are single messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGE, MESSAGES, messages
from exports.measurements import PairFigures
from exports.pair_tables import METHOD, SURE, beside_pairs, figures_in_columns, in_columns
from exports.projection import Projection, TableSpec
from exports.selections import is_decided, select_pairs_without_tools

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.pairs import PreferencePair

COLUMNS: Columns = {"messages": MESSAGES, "chosen": MESSAGE, "rejected": MESSAGE}
CONFIGURATION = (
    "In axolotl's YAML: `rl: dpo`, and under `datasets` this folder as `path`, `name: axolotl`, `split: train`, "
    "`type: chat_template.default`, `field_messages: messages`, `field_chosen: chosen`, `field_rejected: rejected`."
)
FOUND_BY_TEXT = (
    "axolotl takes from the first place on where a response stands in the rendered template. So responses are without "
    "white space around them, which templates such as Llama's drop; and one that is part of what the template writes "
    "before it, such as `4` where that is a date, is not read as it is: `chat_template: chatml` writes the least."
)


def _rows(pair: PreferencePair) -> list[Row]:
    return [
        {
            "messages": messages(pair.prompt),
            "chosen": {"role": "assistant", "content": pair.chosen.text.strip()},
            "rejected": {"role": "assistant", "content": pair.rejected.text.strip()},
        }
    ]


PROJECTION = Projection(
    name="axolotl",
    help="Preference pairs for axolotl: messages, and each response as one message.",
    title="Human preference pairs for axolotl",
    trainer="axolotl with rl: dpo and chat_template.default",
    method=METHOD,
    limits=(SURE, CONFIGURATION, FOUND_BY_TEXT),
    tables=(
        TableSpec(
            "axolotl",
            "pairs to train on",
            COLUMNS,
            _rows,
            accepts=is_decided,
            of_columns=in_columns("message_rows", COLUMNS),
        ),
        *beside_pairs(),
    ),
    select=select_pairs_without_tools,
    measure=PairFigures,
    measure_columns=figures_in_columns,
)
