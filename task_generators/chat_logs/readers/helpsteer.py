"""HelpSteer and HelpSteer 2: a response to a prompt, rated from 0 to 4 in five ways.

All rows of one prompt make one tree. Source: Wang et al. (2023), arXiv 2311.09528; Wang et al. (2024), arXiv
2406.08673.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.branches import branched, is_response
from task_generators.chat_logs.readers.columns import UNREAD, Loss
from task_generators.chat_logs.readers.contexts import (
    CONTEXT_READS,
    answered,
    conversation_of,
    id_of,
    response_reads,
)
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import number, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.uses import MODEL, RATER, SCORE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.records import Message

NAME = "helpsteer"
SCORES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
COLUMNS = frozenset({"prompt", "response", *SCORES})
PRECEDENCE = 180
READS = {
    **CONTEXT_READS,
    **response_reads("response"),
    **dict.fromkeys(SCORES, SCORE),
    "model": MODEL,
    "annotator": RATER,
}


def group_key(row: RowValue) -> str:
    """Return the key of the rows of one tree: the prompt.

    Raises:
        RowError: the row has no prompt.
    """
    if not isinstance(row.get("prompt"), str | list) or not row["prompt"]:
        raise RowError("prompt is missing")
    return json.dumps([row["prompt"], row.get("system")], default=str)


def read(row: RowValue) -> Reading:
    """Read one row as a tree of its own.

    Raises:
        RowError: the prompt or the response is missing, or they are not text.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read the rows of one prompt, in any order.

    Raises:
        RowError: none of them can be read.
    """
    paths: dict[int, tuple[Message, ...]] = {}
    omissions: list[tuple[int, str]] = []
    losses: list[Loss] = []
    for position, row in enumerate(rows):
        try:
            group_key(row)
            (path,) = answered(row, [("response", row.get("response"))], [text(row.get("model"))])
            branched("", [path])
        except RowError as error:
            omissions.append((position, str(error)))
            continue
        paths[position] = path
    if not paths:
        raise RowError(min(reason for _, reason in omissions))
    key = min(group_key(rows[position]) for position in paths)
    for position in [position for position in paths if group_key(rows[position]) != key]:
        omissions.append((position, "the row has another prompt"))
        del paths[position]
    kept = [rows[position] for position in paths]
    first = min(kept, key=lambda row: json.dumps(row, sort_keys=True, default=str))
    ids = {id_of(row, NAME) for row in kept}
    conversation_id = ids.pop() if len(ids) == 1 else ""
    messages, ends = branched(conversation_id, list(paths.values()))
    judged = {message.id for message in messages if is_response(message)}
    feedback: list[Feedback] = []
    for row, end in zip(kept, ends, strict=True):
        scores = {name: score for name in SCORES if (score := number(row.get(name))) is not None}
        if end in judged and scores:
            at = timestamp(row.get("timestamp")) or timestamp(row.get("created"))
            feedback.append(Feedback.ratings(person(row.get("annotator")), end, scores, at).of_row())
        else:
            losses += (Loss(UNREAD, f"{name} (of no response)", score) for name, score in scores.items())
    feedback.sort(
        key=lambda each: (each.message_ids, sorted(each.values.items()), str(each.rater), str(each.at))
    )
    return Reading(
        conversation_of(first, NAME, conversation_id, messages),
        tuple(feedback),
        tuple(sorted(omissions)),
        losses=tuple(losses),
    )
