"""What a reader returns for a row: a conversation, and the feedback that people left on it in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from workspaces.message_ids import is_within, within
from workspaces.records import stable_id

if TYPE_CHECKING:
    from task_generators.chat_logs.readers.columns import Loss
    from task_generators.chat_logs.readers.feedback import Feedback
    from workspaces.records import Conversation

RowValue: TypeAlias = Mapping[str, object]
"""A row as it is in the source: column name to any JSON value, or a time of a Parquet file."""


class RowError(ValueError):
    """A row is not what its format requires. The message is the reason; up to its colon it is the kind of reason."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation as a reader read it; ``giver_id`` is still the log's own name of the person.

    ``conversation.id`` is ``""`` where the log gives none. ``omissions`` are, for a conversation of several rows,
    the rows that are not part of it: their position among the rows, and the reason.

    A conversation whose first message has a parent is a fragment: the rest has to be in the collection already.
    ``fragments`` are others of the same conversation; ``place`` is the position of the first row of this one.
    ``losses`` are values at paths of ``READS`` that this row has no use for, such as the rating of a response that is
    not there. ``own_ids`` is whether ``with_unique_ids`` changed the ids of its messages.
    """

    conversation: Conversation
    feedback: tuple[Feedback, ...] = ()
    omissions: tuple[tuple[int, str], ...] = ()
    fragments: tuple[Reading, ...] = ()
    place: int = 0
    losses: tuple[Loss, ...] = ()
    own_ids: bool = False


def with_unique_ids(reading: Reading) -> Reading:
    """Return the reading with message ids that stand once in a collection, as ``message_ids.within`` makes them.

    Whatever reader it is of: ids of the log's own may stand in another conversation, too.

    Raises:
        RowError: two messages have one id.
    """
    conversation = reading.conversation
    name = conversation.id
    if len({within(name, message.id) for message in conversation.messages}) < len(conversation.messages):
        raise RowError("two messages have the same id")
    if all(is_within(name, message.id) for message in conversation.messages):
        return reading
    messages = tuple(
        replace(
            message,
            id=within(name, message.id),
            parent_id=None if message.parent_id is None else within(name, message.parent_id),
        )
        for message in conversation.messages
    )
    return replace(
        reading,
        conversation=replace(conversation, messages=messages),
        feedback=tuple(judgment.renamed(lambda own: within(name, own)) for judgment in reading.feedback),
        own_ids=True,
    )


def identify(reading: Reading) -> Reading:
    """Return the reading with an id made of source and text, for a conversation that has no id.

    Call it after redaction: an id made of the original text would let somebody test guesses of what a placeholder
    stands for.
    """
    conversation = reading.conversation
    if conversation.id:
        return reading
    hashed = [
        part
        for message in conversation.messages
        for part in (message.id, message.role, message.content, message.structure)[
            : 4 if message.structure else 3
        ]
    ]
    new_id = f"{conversation.source}-{stable_id(conversation.source, conversation.model_name or '', *hashed)}"
    messages = tuple(
        replace(
            message,
            id=new_id + message.id,
            parent_id=None if message.parent_id is None else new_id + message.parent_id,
        )
        for message in conversation.messages
    )
    # without an id of the log's own, another row is another chat, and its judgments are another person's
    feedback = tuple(
        judgment.renamed(lambda message_id: new_id + message_id).of_row() for judgment in reading.feedback
    )
    return replace(
        reading, conversation=replace(conversation, id=new_id, messages=messages), feedback=feedback
    )
