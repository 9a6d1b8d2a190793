r"""HH-RLHF: a transcript that a crowd worker chose and one that they rejected, with a common beginning.

Turns begin with ``\n\nHuman:`` and ``\n\nAssistant:``. The common beginning is the trunk of one tree; the rest are its
two branches. Source: Bai et al. (2022), arXiv 2204.05862.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import clean, licence, mapping
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turns import MAX_MESSAGES, checked
from task_generators.chat_logs.readers.uses import ANY_METADATA, CONTENT
from task_generators.chat_logs.readers.uses import LICENCE as LICENCE_NAME
from workspaces.records import Conversation, Message, Role

if TYPE_CHECKING:
    Turns = list[tuple[Role, str]]

NAME = "hh-rlhf"
COLUMNS = frozenset({"chosen", "rejected"})
PRECEDENCE = 80
LICENCE = "MIT"
READS = {
    "chosen": CONTENT,
    "rejected": CONTENT,
    "licence|license": LICENCE_NAME,
    "subset": ANY_METADATA,
}

_TURN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": Role.USER, "Assistant": Role.ASSISTANT}


def matches(row: RowValue) -> bool:
    """Return whether the two columns hold transcripts, not lists of messages."""
    return isinstance(row["chosen"], str) and isinstance(row["rejected"], str)


def read(row: RowValue) -> Reading:
    """Read one row. If the two transcripts are equal, there is no preference.

    Raises:
        RowError: a transcript is not a series of turns, or the two have no common beginning.
    """
    chosen, rejected = _turns(row, "chosen"), _turns(row, "rejected")
    common = 0
    while common < min(len(chosen), len(rejected)) and chosen[common] == rejected[common]:
        common += 1
    if common == 0:
        raise RowError("chosen and rejected have no turn in common")
    branches = sorted({tuple(turns[common:]) for turns in (chosen, rejected)})
    messages = _messages("", chosen[:common], None)
    trunk = messages[-1].id
    ends: dict[tuple[tuple[Role, str], ...], Message] = {}
    for number, branch in enumerate(branches):
        grown = _messages(f".{number}", list(branch), trunk)
        ends[branch] = grown[-1] if grown else messages[-1]
        messages = [*messages, *grown]
    sides = [ends[tuple(turns[common:])] for turns in (chosen, rejected)]
    feedback: tuple[Feedback, ...] = ()
    if sides[0].id != sides[1].id and all(side.role is Role.ASSISTANT for side in sides):
        first, second = sides
        feedback = (Feedback.comparison(None, (first.id, second.id), better=first.id, at=None),)
    return Reading(
        Conversation(
            id="",
            messages=in_order(checked(messages)),
            source=NAME,
            licence=licence(row, LICENCE),
            conversation_metadata=mapping({"subset": row["subset"]} if "subset" in row else {}),
        ),
        feedback,
    )


def _turns(row: RowValue, column: str) -> Turns:
    transcript = row.get(column)
    if not isinstance(transcript, str):
        raise RowError(f"{column} is not a transcript")
    starts = list(_TURN.finditer(transcript))
    if not starts or starts[0].start() != 0:
        raise RowError(f"{column} does not begin with a turn of Human or Assistant")
    if len(starts) > MAX_MESSAGES:
        raise RowError(f"{column} has more than {MAX_MESSAGES} turns")
    ends = [start.start() for start in starts[1:]] + [len(transcript)]
    return [
        (_ROLES[start[1]], clean(transcript[start.end() : end]).strip())
        for start, end in zip(starts, ends, strict=True)
    ]


def _messages(branch: str, turns: Turns, parent_id: str | None) -> list[Message]:
    messages: list[Message] = []
    for index, (role, content) in enumerate(turns):
        messages.append(Message(f"#{branch}{'.' if branch else ''}{index}", parent_id, role, content))
        parent_id = messages[-1].id
    return messages
