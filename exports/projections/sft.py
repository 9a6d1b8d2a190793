"""Responses that people want, as conversations to imitate, for TRL's ``SFTTrainer`` and other trainers of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exports.columns import MESSAGES, messages, tools
from exports.completion_tables import METHOD, SURE, beside_completions
from exports.measurements import ConversationFigures
from exports.projection import Projection, TableSpec
from exports.selections import select_wanted

if TYPE_CHECKING:
    from exports.columns import Columns, Row
    from exports.completions import LabelledCompletion

COLUMNS: Columns = {"messages": MESSAGES}


def _rows(row: LabelledCompletion) -> list[Row]:
    return [{"messages": messages((*row.prompt, ("assistant", row.completion.text))), **tools(row.prompt)}]


PROJECTION = Projection(
    name="sft",
    help="Conversations to imitate, each up to a response that people want.",
    title="Human-approved conversations",
    trainer="SFTTrainer",
    method=METHOD,
    limits=(
        SURE,
        "Earlier turns of the assistant in a conversation were not judged: train on the last one alone.",
    ),
    tables=(TableSpec("trl", "conversations to train on", COLUMNS, _rows), *beside_completions()),
    select=select_wanted,
    measure=ConversationFigures,
)
