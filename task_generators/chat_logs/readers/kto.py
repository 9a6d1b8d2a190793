"""Label files of trainers: a prompt, one response, and whether people want it.

TRL's KTO form, as texts or as messages, LLaMA-Factory's (``kto_tag``) and that of our own exports. Source: the
documentation of these trainers in November 2026.
"""

from __future__ import annotations

from task_generators.chat_logs.readers.branches import branched, is_response
from task_generators.chat_logs.readers.columns import UNREAD, Loss, has_value
from task_generators.chat_logs.readers.contexts import (
    CONTEXT_READS,
    answered,
    conversation_of,
    has_prompt,
    has_turns,
    id_of,
    response_reads,
)
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB, thumb_of
from task_generators.chat_logs.readers.uses import MODEL, RATER
from task_generators.chat_logs.readers.uses import THUMB as THUMB_USE

NAME = "kto"
COLUMNS: frozenset[str] = frozenset()
PRECEDENCE = 72
_LABELS = ("label", "kto_tag")
_RESPONSES = ("completion", "response", "output")
READS = {
    **CONTEXT_READS,
    "label|kto_tag": THUMB_USE,
    **{path: use for column in _RESPONSES for path, use in response_reads(column).items()},
    "model": MODEL,
    "annotator": RATER,
}


def matches(row: RowValue) -> bool:
    """Return whether a row has a label that says yes or no, and a response that it is about."""
    if not any(thumb_of(row.get(column)) for column in _LABELS):
        return False
    return has_turns(row) or (has_prompt(row) and any(has_value(row.get(column)) for column in _RESPONSES))


def read(row: RowValue) -> Reading:
    """Read one row. The label is of the last response.

    Raises:
        RowError: the response or the label is missing, or a turn is malformed.
    """
    label = next((thumb for column in _LABELS if (thumb := thumb_of(row.get(column)))), None)
    if label is None:
        raise RowError("label is neither true nor false")
    conversation_id = id_of(row, NAME)
    given = [(column, row[column]) for column in _RESPONSES if has_value(row.get(column))]
    if not given and not has_turns(row):
        raise RowError(f"{_RESPONSES[0]} is missing")
    model_name = text(row.get("model"))
    paths = answered(row, given[:1], [model_name])
    messages, (end,) = branched(conversation_id, paths)
    losses: tuple[Loss, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    if is_response(next(message for message in messages if message.id == end)):
        at = timestamp(row.get("timestamp")) or timestamp(row.get("created"))
        feedback = (Feedback.ratings(person(row.get("annotator")), end, {THUMB: label}, at).of_row(),)
    else:
        losses = (Loss(UNREAD, "label (of no response)", None),)
    return Reading(conversation_of(row, NAME, conversation_id, messages, model_name), feedback, losses=losses)
