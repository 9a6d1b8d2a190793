"""What a reader gives for a row: a conversation, and the feedback that people left in the log itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    plain answers by question name.
    """

    rater: str | None
    kind: TaskKind
    message_ids: tuple[str, ...]
    values: Mapping[str, str]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One conversation as a reader found it; ``giver_id`` is still the log's own name of the person."""

    conversation: Conversation
    feedback: tuple[Feedback, ...] = ()
