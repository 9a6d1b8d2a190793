"""What a person gave: their conversations, what they contributed, and their thumbs about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatfeedback.steps.chats_that_wait import collect_named, collect_own
from task_generators.chat_logs.imported import imported_task_id, keep_judgment
from task_generators.chat_logs.readers.feedback import RATING, Feedback
from workspaces.errors import UsageError
from workspaces.records import SharingState
from workspaces.store.chat_exchanges import waiting_chats
from workspaces.store.conversations import count_given_by, entries_of, page_given_by
from workspaces.store.own_answers import givers_of
from workspaces.store.settlements import points_for_sharing
from workspaces.store.who_answered import imported_answers_of
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workspaces.records import Conversation
    from workspaces.store.conversations import ConversationEntry
    from workspaces.workspace import Workspace

PAGE = 25
"""Conversations on a page."""

EXCERPT = 100
"""Characters of the first prompt in a list."""

OF_CONVERSATION = "conversation_rating"
CONVERSATION_THUMB, THUMB = "conversation_thumb", "thumb"
THUMBS = ("up", "down")


@dataclass(frozen=True, slots=True)
class GivenChat:
    """One conversation that a person gave; ``thumb`` is what they say of it as a whole."""

    entry: ConversationEntry
    title: str
    model: str | None
    messages: int
    thumb: str | None


@dataclass(frozen=True, slots=True)
class GivenChats:
    """A page of what a person gave, and their contribution: conversations by state, and points for sharing.

    ``waiting`` chats are not among them yet, because another step is at work.
    """

    chats: tuple[GivenChat, ...]
    has_more: bool
    states: Mapping[SharingState, int]
    points: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class OneChat:
    """One conversation with its text; ``thumbs`` are the person's, by message, and under None of the whole."""

    entry: ConversationEntry
    conversation: Conversation
    thumbs: Mapping[str | None, str]


def my_chats(workspace: Workspace, person_id: str, page: int = 0) -> GivenChats:
    """Return a page of the conversations that a person gave, also under names that the lead linked to them."""
    waiting = collect_own(workspace, person_id)
    with workspace.store.read() as connection:
        givers = givers_of(connection, person_id)
        entries = page_given_by(connection, givers, PAGE + 1, page * PAGE)
        states = count_given_by(connection, givers)
        points = points_for_sharing(connection, givers)
    texts = workspace.collection.read(entry.conversation_id for entry in entries[:PAGE])
    thumbs = _thumbs(workspace, person_id, texts.values())
    chats = tuple(
        _given(entry, texts.get(entry.conversation_id), thumbs.get((entry.conversation_id, None)))
        for entry in entries[:PAGE]
    )
    return GivenChats(chats, len(entries) > PAGE, states, points, waiting)


def my_chat(workspace: Workspace, person_id: str, conversation_id: str) -> OneChat | None:
    """Return one conversation that a person gave; None for any other, and for a deleted one."""
    collect_own(workspace, person_id)
    if not _gave(workspace, person_id, [conversation_id]):
        return None
    with workspace.store.read() as connection:
        entry = entries_of(connection, [conversation_id])[conversation_id]
    text = workspace.collection.read([conversation_id]).get(conversation_id)
    if text is None:
        return None
    thumbs = _thumbs(workspace, person_id, [text])
    return OneChat(entry, text, {message_id: thumb for (_, message_id), thumb in thumbs.items()})


def states_of_conversations(workspace: Workspace, conversation_ids: Sequence[str]) -> dict[str, SharingState]:
    """Return the state of each of these conversations that is known."""
    with workspace.store.read() as connection:
        return {name: entry.state for name, entry in entries_of(connection, conversation_ids).items()}


def owns(workspace: Workspace, person_id: str, conversation_ids: Sequence[str]) -> bool:
    """Return whether a person gave all of these conversations, and none of them is deleted.

    Raises:
        WorkbenchError: one of theirs among them waits for the collection, and cannot be moved there now.
    """
    with workspace.store.read() as connection:
        own = waiting_chats(connection, people=givers_of(connection, person_id))
    collect_named(workspace, own.intersection(conversation_ids))
    return _gave(workspace, person_id, conversation_ids)


def _gave(workspace: Workspace, person_id: str, conversation_ids: Sequence[str]) -> bool:
    with workspace.store.read() as connection:
        givers = givers_of(connection, person_id)
        entries = entries_of(connection, conversation_ids)
    return len(entries) == len(set(conversation_ids)) and all(
        entry.giver_id in givers and entry.state is not SharingState.DELETED for entry in entries.values()
    )


def give_thumb(
    workspace: Workspace, person_id: str, conversation_id: str, message_id: str | None, thumb: str | None
) -> None:
    """Keep what a giver says of their own conversation, or of one answer in it; None takes it back.

    It counts as the thumbs do that come with chat logs: a judgment of the giver's, never paid.

    Raises:
        UsageError: the conversation is not theirs or was deleted, has no such answer, or the thumb is none.
    """
    chat = my_chat(workspace, person_id, conversation_id)
    if chat is None or thumb not in (None, *THUMBS):
        raise UsageError("there is no such conversation of yours, or no such thumb")
    responses = [message.id for message in chat.conversation.logged() if message.is_response]
    if not responses or message_id not in (None, *responses):
        raise UsageError("this conversation has no such answer")
    with workspace.exclusive(), workspace.store.write() as connection:
        entry = entries_of(connection, [conversation_id]).get(conversation_id)
        if entry is None or entry.state is SharingState.DELETED:
            raise UsageError("this conversation was deleted")
        judgment = _judgment(conversation_id, responses, message_id, thumb)
        keep_judgment(connection, conversation_id, judgment, entry.giver_id or person_id, utc_now())


def _judgment(
    conversation_id: str, responses: Sequence[str], message_id: str | None, thumb: str | None
) -> Feedback:
    if message_id is not None:
        return Feedback(None, RATING, (message_id,), {THUMB: thumb} if thumb else {}, utc_now())
    values = {CONVERSATION_THUMB: thumb} if thumb else {}
    return Feedback(None, OF_CONVERSATION, (responses[-1],), values, utc_now())


def _thumbs(
    workspace: Workspace, person_id: str, conversations: Iterable[Conversation]
) -> dict[tuple[str, str | None], str]:
    """Return a person's thumbs by conversation and message; under None those of a whole conversation."""
    places: dict[str, tuple[str, str | None]] = {}
    for conversation in conversations:
        name = conversation.id
        responses = [message.id for message in conversation.logged() if message.is_response]
        places |= {imported_task_id(RATING, (each,)): (name, each) for each in responses}
        # the last answer may have been another one when the thumb was given
        places |= {imported_task_id(OF_CONVERSATION, (last,)): (name, None) for last in responses}
    if not places:
        return {}
    with workspace.store.read() as connection:
        said = [
            found
            for giver in givers_of(connection, person_id)
            for found in imported_answers_of(connection, giver, places).items()
        ]
    return {
        places[task_id]: thumb
        for task_id, values in said
        for name, thumb in values.items()
        if name in (THUMB, CONVERSATION_THUMB) and thumb in THUMBS
    }


def _given(entry: ConversationEntry, text: Conversation | None, thumb: str | None) -> GivenChat:
    messages = () if text is None else text.logged()
    return GivenChat(entry, _title(messages and messages[0].content), _models(text), len(messages), thumb)


def _models(text: Conversation | None) -> str | None:
    if text is None:
        return None
    names: Iterable[str] = (message.model_name or "" for message in text.logged())
    return ", ".join(dict.fromkeys(filter(None, names))) or text.model_name


def _title(prompt: object) -> str:
    words = " ".join(prompt.split()) if isinstance(prompt, str) else ""
    if not words:
        return "(no text)"
    return words if len(words) <= EXCERPT else f"{words[: EXCERPT - 1]}…"
