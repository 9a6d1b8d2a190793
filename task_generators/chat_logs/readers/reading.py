"""What a reader gives for a row: a conversation, and the feedback that people left in the log itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workspaces.records import stable_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from workspaces.records import Conversation, TaskKind


class RowError(ValueError):
    """A row is not what its format says; the message is the reason, and up to its colon the kind of reason."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one person said, in the log, about one response or about two.

    ``rater`` is the name the log gives the person, or None; it becomes a pseudonym before it is stored.
    ``message_ids`` and ``values`` are those of a task of this ``kind``: the responses in display order, and
    plain answers by question name. Answers are words of a fixed set or numbers, never free text.
    """

    rater: str | None
    kind: TaskKind
    message_ids: tuple[str, ...]
    values: Mapping[str, str]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation as a reader found it; ``giver_id`` is still the log's own name of the person.

    ``conversation.id`` is ``""`` where the log gives none. ``left_out`` holds, for a conversation of several
    rows, those that are not part of it: their position among the rows, and why.

    A conversation whose first message has a parent is a fragment: the rest has to be in the collection already.
    ``fragments`` are others of the same conversation; ``place`` is the position of the first row of this one.
    """

    conversation: Conversation
    feedback: tuple[Feedback, ...] = ()
    left_out: tuple[tuple[int, str], ...] = ()
    fragments: tuple[Reading, ...] = ()
    place: int = 0


def identify(reading: Reading) -> Reading:
    """Give a conversation that has no id one that is made of its source and its text.

    Call it after redaction: an id made of the text as it was would let somebody try out what a placeholder
    stands for.
    """
    conversation = reading.conversation
    if conversation.id:
        return reading
    said = [part for message in conversation.messages for part in (message.id, message.role, message.content)]
    new_id = f"{conversation.source}-{stable_id(conversation.source, conversation.model_name or '', *said)}"
    messages = tuple(
        replace(
            message,
            id=new_id + message.id,
            parent_id=None if message.parent_id is None else new_id + message.parent_id,
        )
        for message in conversation.messages
    )
    feedback = tuple(
        replace(each, message_ids=tuple(new_id + message_id for message_id in each.message_ids))
        for each in reading.feedback
    )
    return replace(
        reading, conversation=replace(conversation, id=new_id, messages=messages), feedback=feedback
    )
