"""Rows that hold a prompt, responses to it, and which of them is better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.branches import branched, is_response
from task_generators.chat_logs.readers.columns import UNREAD, Loss
from task_generators.chat_logs.readers.contexts import answered, conversation_of, id_of
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import number, person, timestamp
from task_generators.chat_logs.readers.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from task_generators.chat_logs.readers.reading import RowValue

Vote = tuple[int, int, int | None]
"""The numbers of two responses, and of the better one; None for a tie."""


def compared(
    row: RowValue,
    name: str,
    responses: Sequence[tuple[str, object]],
    votes: Sequence[Vote],
    *,
    vote_column: str,
    scores: Mapping[str, int] | None = None,
    models: Sequence[str | None] = (),
    both_bad: Sequence[tuple[int, int]] = (),
) -> Reading:
    """Return the tree of a row's responses, and a comparison for each vote.

    Args:
        row: the row.
        name: the name of the format.
        responses: the column and the value of each response.
        votes: the comparisons, each of another person.
        vote_column: where the votes stand, to say which are of no two different responses.
        scores: the columns that hold a score, and the number of the response that each is of.
        models: the model of each response, if it is known.
        both_bad: the numbers of two responses for each person who called both bad.

    Raises:
        RowError: a response is missing, or a turn is malformed.
    """
    conversation_id = id_of(row, name)
    paths = answered(row, responses, models)
    messages, ends = branched(conversation_id, paths)
    judged = {message.id for message in messages if is_response(message)}
    at, rater = timestamp(row.get("timestamp")) or timestamp(row.get("created")), person(row.get("annotator"))
    feedback: list[Feedback] = []
    losses: list[Loss] = []
    judgments = [*((*vote, False) for vote in votes), *((*shown, None, True) for shown in both_bad)]
    for first, second, better, are_bad in judgments:
        shown = (ends[first], ends[second])
        if shown[0] == shown[1] or not judged.issuperset(shown):
            losses.append(Loss(UNREAD, f"{vote_column} (of no two different responses)", None))
            continue
        feedback.append(
            Feedback.comparison(
                rater, shown, None if better is None else ends[better], at, both_bad=are_bad
            ).of_row()
        )
    for column, response in (scores or {}).items():
        if (score := number(row.get(column))) is None:
            continue
        if ends[response] in judged:
            feedback.append(Feedback.ratings(rater, ends[response], {"score": score}, at).of_row())
        else:
            losses.append(Loss(UNREAD, f"{column} (of no response)", score))
    return Reading(
        conversation_of(row, name, conversation_id, messages), tuple(feedback), losses=tuple(losses)
    )
