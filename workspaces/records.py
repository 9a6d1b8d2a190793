"""The records of the workbench: chat logs, tasks, answers and what is known about them.

They are plain, immutable data, which all other packages exchange. Nothing here depends on a database, a file or a
platform.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from pydantic import JsonValue


def stable_id(*names: str) -> str:
    """Return 24 hexadecimal digits that depend only on ``names``.

    The names are joined by an ASCII unit separator, so that ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    return blake2b("\x1f".join(names).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def shown_hash(text: str) -> str:
    """Return a hash that is equal for texts that look the same: it ignores white space at the ends of lines."""
    return stable_id("\n".join(line.rstrip() for line in text.strip().splitlines()))


class Role(StrEnum):
    """The author of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Quality(StrEnum):
    """The six qualities a response is tagged with. Source: ChatFeedback, section 3, 'Provide feedback'."""

    INSTRUCTION = "instruction"
    HELPFUL = "helpful"
    FACTUAL = "factual"
    STYLE = "style"
    SENSITIVE = "sensitive"
    TOXIC = "toxic"


class Tag(StrEnum):
    """The answer to a quality. ``NA`` means that the quality does not apply; it is not a level between the others."""

    NA = "na"
    NO = "no"
    YES = "yes"


class Preference(StrEnum):
    """Which of two displayed responses is better: the first one, neither, or the second one."""

    A = "a"
    TIE = "tie"
    B = "b"


class Significance(StrEnum):
    """How much feedback on a response is worth. Source: ChatFeedback, section 3, 'Dynamic rewards'."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Display(StrEnum):
    """How people see texts: Markdown laid out, or every character as it was typed."""

    MARKDOWN = "markdown"
    PLAIN = "plain"


IMPORTED = "imported"
"""The platform name of tasks whose answers came with a chat log. They are never pushed and never paid."""

CHAT = "chat"
"""The rules version of tasks, of the platform ``IMPORTED``, that people answered in the chat of the workbench."""

ANONYMOUS = "anonymous-"
"""The prefix of the pseudonym of a person without a name in the log; each conversation has its own."""


class ChatMode(StrEnum):
    """How a person chats for points: with a model that the platform chooses, or with one that the person chooses.

    Source: ChatFeedback, section 3, 'Chat with LLMs'.
    """

    DYNAMIC = "dynamic"
    DIRECT = "direct"


class SharingState(StrEnum):
    """The state of the giver's consent to a conversation. Only ``SHARED`` conversations become tasks or exports."""

    HELD = "held"
    SHARED = "shared"
    PRIVATE = "private"
    DELETED = "deleted"


class PersonState(StrEnum):
    """Where a person stands. The first of these that holds is the person's."""

    FORGOTTEN = "forgotten"
    """They asked to be forgotten; answers and points stay under a pseudonym that is nobody's."""

    REVOKED = "revoked"
    """Access was taken from them on every platform; answers and points stay."""

    BARRED = "barred"
    """The lead barred them after a review: their answers are set aside and earn nothing."""

    HELD = "held"
    """A stranger: nobody invited them, and their answers wait for the lead."""

    ACTIVE = "active"
    """They have given answers."""

    ACCEPTED = "accepted"
    """The lead accepted them, and they have no answer in force."""

    INVITED = "invited"
    """They have an account and no answer in force."""

    GIVER = "giver"
    """They have no account here, and points for chat logs that they gave."""


class Side(StrEnum):
    """Whose settings the lead takes: what the workbench writes, or what somebody wrote on the platform."""

    OURS = "ours"
    THEIRS = "theirs"


class TaskState(StrEnum):
    """Where a task stands: not on a platform yet, open there, answered by as many as its overlap (or closed before, as
    its answers settle it); its conversation is not shared any more; or its platform did not take it (``rejected``).
    """

    WAITING = "waiting"
    OPEN = "open"
    ANSWERED = "answered"
    UNSHARED = "unshared"
    REJECTED = "rejected"


class AnnotationStatus(StrEnum):
    """The state of one person's answer to one task."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    DISCARDED = "discarded"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by a model.

    ``arguments`` is JSON text; where a model wrote something else, the text as it wrote it. ``id`` is the name by which
    the message with the result refers to the call.
    """

    name: str
    arguments: str = "{}"
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that came with a message and is no text; its bytes are not kept.

    ``kind`` is ``image``, ``audio``, ``video``, ``document`` or ``file``; ``name`` is a file name or an address.
    """

    kind: str
    name: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """How a response came to be that no person's chat holds: a model wrote it for comparison.

    ``parameters`` is JSON text: what the model was asked with. ``licence`` is what its text is under.
    """

    parameters: str
    licence: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    ``parent_id`` is the id of the message that it answers; messages with the same parent are alternative answers.
    ``reasoning`` is what a model thought before its text. The message of a tool names the call that it answers
    (``tool_call_id``) and the tool (``tool_name``), where the log does. ``rewrite_of`` marks an annotator's rewrite,
    which no log holds: the id of the response that it replaces. ``generated`` marks a counterpart, which no log holds
    either: a model (``model_name``) was asked for it; it has no answers, and stands after all messages of the log.
    """

    id: str
    parent_id: str | None
    role: Role
    content: str
    model_name: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    attachments: tuple[Attachment, ...] = ()
    rewrite_of: str | None = None
    generated: Generated | None = None

    @property
    def structure(self) -> str:
        """What the message holds beside its text, as JSON from which ids are computed; empty if that is nothing."""
        if not (self.reasoning or self.tool_calls or self.tool_call_id or self.tool_name or self.attachments):
            return ""
        held = {
            "reasoning": self.reasoning,
            "tool_calls": [asdict(call) for call in self.tool_calls],
            "tool_call_id": self.tool_call_id,
            "tool_name": self.tool_name,
            "attachments": [asdict(attachment) for attachment in self.attachments],
        }
        return json.dumps({name: value for name, value in held.items() if value}, sort_keys=True)

    @property
    def only_calls(self) -> bool:
        """Whether the message calls tools and has no text."""
        return bool(self.tool_calls) and not self.content.strip()

    @property
    def is_response(self) -> bool:
        """Whether the message is an answer by a model, which people can rate; a call of a tool is a step to one."""
        return self.role is Role.ASSISTANT and not self.tool_calls


def tree_order(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages of a tree depth first, siblings by id; the result does not depend on the given order.

    Messages that cannot be reached from a root (a message without a parent) are left out.
    """
    children: dict[str | None, list[Message]] = {}
    for message in messages:
        children.setdefault(message.parent_id, []).append(message)
    ordered: list[Message] = []
    pending = sorted(children.pop(None, []), key=lambda message: message.id, reverse=True)
    while pending:
        ordered.append(pending.pop())
        answers = children.pop(ordered[-1].id, [])
        pending.extend(sorted(answers, key=lambda message: message.id, reverse=True))
    return tuple(ordered)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat log: a tree of messages, parents before children, whose root is the first prompt."""

    id: str
    messages: tuple[Message, ...]
    source: str
    model_name: str | None = None
    giver_id: str | None = None
    timestamp: datetime | None = None
    licence: str | None = None
    language: str | None = None
    user_metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    conversation_metadata: Mapping[str, JsonValue] = field(default_factory=dict)

    def path_to(self, message_id: str) -> tuple[Message, ...]:
        """Return the messages from the root down to ``message_id``, both included.

        Raises:
            KeyError: the conversation has no such message.
        """
        by_id = {message.id: message for message in self.messages}
        path = [by_id[message_id]]
        while (parent_id := path[-1].parent_id) is not None:
            path.append(by_id[parent_id])
        return tuple(reversed(path))

    def logged(self) -> tuple[Message, ...]:
        """Return the messages of the log itself, without generated responses."""
        return tuple(message for message in self.messages if message.generated is None)

    def responses(self) -> tuple[Message, ...]:
        """Return the answers by models, in order; a message that calls tools is none."""
        return tuple(message for message in self.messages if message.is_response)


@dataclass(frozen=True, slots=True)
class SeedFeedback:
    """The rating of one response by a rater (an LLM, or the offline stand-in) before people rate it.

    It is never counted as an annotator's answer. ``agent`` names the rater, ``prompt_version`` the prompt it was given.
    """

    message_id: str
    agent: str
    prompt_version: str
    tags: Mapping[Quality, Tag]
    significance: Significance
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of paid work.

    ``kind`` names a ``workspaces.kinds.Kind``. ``message_ids`` names the responses shown, in display order: one for a
    qualitative task; the responses shown as A and as B for a preference task. ``quote`` maps each paid part of the
    answer to the points promised for it. It is fixed when the task is created, by the rules of ``rules_version``.

    ``seed_agent`` and ``seed_prompt_version`` name the seed feedback that annotators see with the task; a task
    without them is blind. ``reask_of`` names the task that this task repeats. ``mix`` names the mix that
    drew it.

    It takes up to ``overlap`` answers. With ``least_answers`` it closes (``closed_at``) from so many on, once they
    settle it; without, it stays open for all, so that agreement on such tasks is unbiased.

    ``rewrites`` are those whose text it shows: the ones among ``message_ids``, and others that read the same. Nobody
    who wrote one of them judges it.
    """

    id: str
    kind: str
    message_ids: tuple[str, ...]
    conversation_ids: tuple[str, ...]
    significance: Significance
    quote: Mapping[str, int]
    rules_version: str
    platform: str
    overlap: int
    created_at: datetime
    seed_agent: str | None = None
    seed_prompt_version: str | None = None
    reask_of: str | None = None
    mix: str = "default"
    least_answers: int | None = None
    closed_at: datetime | None = None
    rewrites: tuple[str, ...] = ()

    @property
    def seed_shown(self) -> bool:
        """Whether annotators see the seed feedback."""
        return self.seed_agent is not None

    @property
    def points(self) -> int:
        """The sum of all points promised for the task."""
        return sum(self.quote.values())


@dataclass(frozen=True, slots=True)
class Hint:
    """What an event of a platform says: ids alone, no names. It proves nothing; the answer is fetched.

    ``remote_id`` is the platform's own id of the task; None where the event does not tell. ``changed_at`` is when the
    answer changed, by the platform's clock; None where that is not told, as of a deletion.
    """

    event: str
    container_id: str
    response_id: str
    remote_id: str | None = None
    changed_at: datetime | None = None
    is_deletion: bool = False


@dataclass(frozen=True, slots=True)
class PlacedTask:
    """A task on a platform: its id there, and the dataset or project that contains it.

    ``made_at`` is when the platform made its copy of the task, by its own clock: of a platform that numbers its tasks
    it tells two apart that have the same number, one before and one after its data were lost. None: not known, or ids
    are given once for all time there.
    """

    task_id: str
    remote_id: str
    container_id: str
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer that was read from a platform, as it is found again there.

    ``made_at`` is when the platform says that it was made (None: not known, or ids are given once for all time), and
    ``first_read_at`` the platform's time of the answer as it was first read: it was made by then.
    """

    response_id: str
    made_at: datetime | None
    first_read_at: datetime


@dataclass(frozen=True, slots=True)
class Annotation:
    """The latest revision of one person's answer to one task.

    ``values`` holds plain answers by question name: a ``Tag`` for each quality, ``suggestion`` for a rewrite,
    a ``Preference`` (by display order) for ``preference``. ``shown_first`` is the message displayed first to a person
    whose answer came with a log, where the log tells; on a platform the order is that of the task. ``lead_time`` is how
    many seconds it took, and ``served_at`` when the task was first shown to the person, where a platform tells.
    """

    id: str
    task_id: str
    person_id: str
    platform: str
    status: AnnotationStatus
    revision: int
    values: Mapping[str, str]
    updated_at: datetime
    shown_first: str | None = None
    lead_time: float | None = None
    served_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ItemPosterior:
    """The posterior of one question on one item, given the answers so far.

    ``item`` is named as in ``quality.votes``. ``votes`` counts the answers by value. ``probabilities`` weights them by
    the estimated reliability of each person (Dawid-Skene) and sums to 1. Of an ``adjudicated`` item what was decided
    has the probability 1, whatever the votes.
    """

    kind: str
    question: str
    item: str
    votes: Mapping[str, int]
    probabilities: Mapping[str, float]
    adjudicated: bool = False

    @property
    def value(self) -> str:
        """The most probable value."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def probability(self) -> float:
        """The probability of ``value``."""
        return max(self.probabilities.values())

    @property
    def n_answers(self) -> int:
        """The number of people who answered."""
        return sum(self.votes.values())
