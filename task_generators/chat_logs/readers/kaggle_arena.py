"""Chatbot Arena's 55,000 battles as Kaggle has them: lists of texts as JSON text, and the vote in three columns.

Source: the competition "LMSYS - Chatbot Arena Human Preference Predictions" (2024), ``train.csv``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers import arena
from task_generators.chat_logs.readers.fields import number
from task_generators.chat_logs.readers.parts import from_json
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import identifier
from task_generators.chat_logs.readers.uses import CONTENT, ID, LANGUAGE, LICENCE, MODEL, TIME, VOTE
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "kaggle-arena"
COLUMNS = frozenset({"model_a", "model_b", "prompt", "response_a", "response_b"})
PRECEDENCE = 145
_VOTES = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
READS = {
    "id": ID,
    "model_a": MODEL,
    "model_b": MODEL,
    "prompt": CONTENT,
    "response_a": CONTENT,
    "response_b": CONTENT,
    **dict.fromkeys(_VOTES, VOTE),
    "winner": VOTE,
    "tstamp|timestamp": TIME,
    "language": LANGUAGE,
    "licence|license": LICENCE,
}


def read(row: RowValue) -> Reading:
    """Read one battle.

    Raises:
        RowError: the row is not a battle, or has no single vote.
    """
    return arena.read_group([_battle(row)], NAME)


def _battle(row: RowValue) -> dict[str, object]:
    identifier(row, "id")
    if row.get("winner") is None:
        held = [
            winner
            for column, winner in _VOTES.items()
            if number(row.get(column)) == "1" or row.get(column) is True
        ]
        if len(held) != 1:
            raise RowError("not one of winner_model_a, winner_model_b and winner_tie is 1")
        winner: object = held[0]
    else:
        winner = row["winner"]
    return {
        **{
            name: row.get(name)
            for name in ("id", "model_a", "model_b", "language", "tstamp", "timestamp", "licence", "license")
        },
        "winner": winner,
        "conversation_a": _turns(row, "response_a"),
        "conversation_b": _turns(row, "response_b"),
    }


def _turns(row: RowValue, column: str) -> list[Mapping[str, object]]:
    """Return the turns of a side: prompts and responses in turns. A response that is null is an empty one.

    Raises:
        RowError: there are more responses than prompts, or fewer.
    """
    prompts, responses = _texts(row, "prompt"), _texts(row, column)
    if len(prompts) != len(responses):
        raise RowError(f"prompt and {column} have different numbers of texts")
    return [
        {"role": role, "content": said if said is not None else ""}
        for exchange in zip(prompts, responses, strict=True)
        for role, said in zip((Role.USER, Role.ASSISTANT), exchange, strict=True)
    ]


def _texts(row: RowValue, column: str) -> Sequence[object]:
    texts = from_json(row.get(column))
    if not texts or not all(isinstance(each, str | None) for each in texts):
        raise RowError(f"{column} is not a list of texts")
    return texts
