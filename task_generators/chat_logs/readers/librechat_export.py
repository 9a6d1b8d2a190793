"""The export of LibreChat: one chat a row, its messages nested in ``children`` or in a list, with thumbs and reasons.

Source: the repository danny-avila/LibreChat (useExportConversation, importers, the message schema) as it was in
November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from task_generators.chat_logs.readers.columns import CUT, UNREAD, Again, Loss, Use
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.reply_trees import Node, branches
from task_generators.chat_logs.readers.thumbs import THUMB as THUMB_NAME
from task_generators.chat_logs.readers.thumbs import thumb_of
from task_generators.chat_logs.readers.turn_columns import TURN
from task_generators.chat_logs.readers.turns import MAX_MESSAGES, identifier, role_of
from task_generators.chat_logs.readers.uses import (
    GIVER,
    ID,
    KIND,
    MESSAGE_ID,
    MODEL,
    NOTE,
    PARENT,
    ROLE,
    THUMB,
    TIME,
    TRANSCRIPT,
)
from workspaces.records import Conversation, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from task_generators.chat_logs.readers.columns import Reads

NAME = "librechat-export"
COLUMNS = frozenset({"conversationId"})
PRECEDENCE = 341
REASONS = frozenset(
    {
        "not_matched", "inaccurate", "bad_style", "missing_image", "unjustified_refusal", "not_helpful", "other",
        "accurate_reliable", "creative_solution", "clear_well_written", "attention_to_detail",
    }
)  # fmt: skip
"""What a person can choose as the reason of a thumb. Source: data-provider/src/feedback.ts."""
_Value = TypeVar("_Value")
_LISTS = ("messages", "messagesTree")
_SHOWN = "how the site shows it"
_FLAG = Use("role", lambda value: isinstance(value, bool), decides=True)
_DRAFT = Use("metadata: unfinished", lambda value: isinstance(value, bool), decides=True)
_REASON = Use("imported feedback: reason", lambda value: _reason(value) is not None)
_MESSAGE_READS = {
    "": TURN,
    "messageId": MESSAGE_ID,
    "parentMessageId": PARENT,
    "isCreatedByUser": _FLAG,
    "role": ROLE,
    "text": TRANSCRIPT,
    "content[]": TURN,
    "content[].type": KIND,
    "files[]": TURN,
    "attachments[]": TURN,
    "model": MODEL,
    "unfinished": _DRAFT,
    "error": _DRAFT,
    "feedback": Use(
        "imported feedback", counts_in=lambda message: message.get("isCreatedByUser") is not True
    ),
    "feedback.rating": THUMB,
    "feedback.tag": _REASON,
    "feedback.tag.key": _REASON,
}
_MESSAGE_IGNORES = {
    "_id": "of the site's database",
    "__v": "of the site's database",
    "conversationId": "the row says it",
    "user": "it identifies a person",
    "sender": "how the site calls the speaker",
    "createdAt": "when it was said: the order says enough",
    "updatedAt": "when it was said: the order says enough",
    "endpoint": "the row says it",
    "tokenCount": "what it cost",
    "summaryTokenCount": "what it cost",
    "finish_reason": "why the model stopped",
    "iconURL": _SHOWN,
    "depth": "the children say it",
    "siblingIndex": "the children say it",
    "generation": _SHOWN,
    "cancelled": _SHOWN,
    "searchResult": _SHOWN,
    "isTemporary": _SHOWN,
    "thread_id": _SHOWN,
    "clientId": _SHOWN,
    "invocationId": _SHOWN,
    "conversationSignature": _SHOWN,
    "feedback.tag.label": _SHOWN,
    "feedback.tag.direction": "the thumb says it",
    "feedback.tag.icon": _SHOWN,
    "content[].tool_call_ids": "the calls say it",
    **{
        f"{column}[].{name}": "of bytes that are not kept"
        for column in ("files", "attachments")
        for name in (
            "_id", "file_id", "temp_file_id", "bytes", "width", "height", "user", "source", "usage", "embedded",
            "context", "object", "filepath", "expiresAt", "createdAt", "updatedAt", "conversationId", "messageId",
            "toolCallId", "__v", "model", "filterSource", "llmDeliveryPath",
        )
    },
}  # fmt: skip


def _under(table: Mapping[str, _Value], column: str) -> dict[str, _Value]:
    return {f"{column}[].{path}".rstrip("."): value for path, value in table.items()}


READS: Reads = {
    "conversationId": ID,
    "title": NOTE,
    "endpoint": NOTE,
    "user": GIVER,
    "createdAt": TIME,
    "options.model|model": MODEL,
    **{path: use for column in _LISTS for path, use in _under(_MESSAGE_READS, column).items()},
    **{f"{column}[].children[]": Again(f"{column}[]") for column in _LISTS},
}
IGNORES = {
    "exportAt": "when the chat was exported",
    "updatedAt": "when the chat was last opened",
    "branches": "the messages say it",
    "recursive": "the messages say it",
    "options": "how the site was set up",
    "options.*": "how the site was set up",
    "_id": "of the site's database",
    "__v": "of the site's database",
    **{path: why for column in _LISTS for path, why in _under(_MESSAGE_IGNORES, column).items()},
}


def matches(row: RowValue) -> bool:
    """Return whether the row has a list of messages."""
    return any(isinstance(row.get(column), list) for column in _LISTS)


def read(row: RowValue) -> Reading:
    """Read one chat.

    Raises:
        RowError: the row lacks an id or its messages, or a message cannot be read.
    """
    conversation_id = identifier(row, "conversationId", prefix=f"{NAME}-")
    options = row.get("options")
    model_name = (text(options.get("model")) if isinstance(options, dict) else None) or text(row.get("model"))
    giver = person(row.get("user"))
    said: dict[str, Mapping[str, object]] = {}
    nodes: list[Node] = []
    losses: list[Loss] = []
    for path, message, parent in _messages(row):
        key = identifier(message, "messageId")
        if key in said:
            if said[key] != message:
                raise RowError("two messages have the same id")
            losses.append(Loss(CUT, "a message that stands twice", None))
            continue
        said[key] = message
        turn = _turn(message, path, losses)
        is_answer = role_of(turn["role"], len(nodes)) is Role.ASSISTANT
        nodes.append(
            Node(key, parent, turn, (text(message.get("model")) or model_name) if is_answer else None)
        )
    tree = branches(conversation_id, nodes)
    drafts = sorted(
        tree.responses[key]
        for key, message in said.items()
        if key in tree.responses and (message.get("unfinished") is True or message.get("error") is True)
    )
    metadata: dict[str, JsonValue] = {
        name: value for name in ("title", "endpoint") if (value := text(row.get(name)))
    }
    if drafts:
        metadata["unfinished"] = list(drafts)
    feedback: list[Feedback] = []
    for key, message in said.items():
        judgment = message.get("feedback")
        values = _values(judgment)
        if values and key in tree.responses:
            feedback.append(Feedback.ratings(giver, tree.responses[key], values, None))
        elif values:
            losses.append(Loss(UNREAD, "messages[].feedback (of no response)", judgment))
    return Reading(
        Conversation(
            id=conversation_id,
            messages=tree.messages,
            source=NAME,
            model_name=model_name,
            giver_id=giver,
            timestamp=timestamp(row.get("createdAt")),
            conversation_metadata=metadata,
        ),
        tuple(feedback),
        losses=(*tree.losses, *losses),
    )


def _messages(row: RowValue) -> list[tuple[str, RowValue, str | None]]:
    """Return the messages with the column they are in and the id of their parents, nested ones and those in a list."""
    found: list[tuple[str, RowValue, str | None]] = []
    waiting: list[tuple[str, object, str | None]] = []
    for column in _LISTS:
        listed = row.get(column)
        if listed is not None and not isinstance(listed, list):
            raise RowError(f"{column} is not a list of messages")
        waiting += [(column, message, None) for message in (listed or [])[::-1]]
    while waiting:
        column, message, above = waiting.pop()
        if not isinstance(message, dict):
            raise RowError("a message is not an object")
        found.append((column, message, text(message.get("parentMessageId")) or above))
        if len(found) > MAX_MESSAGES:
            raise RowError(f"conversation has more than {MAX_MESSAGES} turns")
        children = message.get("children")
        if isinstance(children, list):
            key = text(message.get("messageId"))
            waiting += [(column, child, key) for child in children[::-1]]
    if not found:
        raise RowError("messages is not a list of messages")
    return found


def _turn(message: RowValue, column: str, losses: list[Loss]) -> dict[str, object]:
    """Return a message as ``messages_of`` reads it. Where it has parts, ``text`` says the same again or is a loss."""
    by_user = message.get("isCreatedByUser")
    role = message.get("role") or ("user" if by_user is True else "assistant" if by_user is False else None)
    if role is None:
        raise RowError("a message does not say who wrote it")
    turn: dict[str, object] = {"role": role}
    content, words = message.get("content"), message.get("text")
    if isinstance(content, list) and content:
        turn["content"] = [_part(part) for part in content]
        said = "".join(str(turn["content"]).split())
        if isinstance(words, str) and "".join(repr(words)[1:-1].split()) not in said:
            losses.append(Loss(UNREAD, f"{column}[].text", words))
    elif words is not None:
        turn["content"] = words
    for name in ("files", "attachments"):
        if isinstance(files := message.get(name), list):
            turn[name] = [_without_ignored(file, f"{name}[]") for file in files if isinstance(file, dict)]
    return turn


def _part(part: object) -> object:
    if not isinstance(part, dict):
        return part
    kept = _without_ignored(part, "content[]")
    if part.get("type") == "think" and "think" in kept:
        kept = {"type": "thinking", "thinking": kept["think"]}
    return kept


def _without_ignored(item: Mapping[str, object], path: str) -> dict[str, object]:
    return {name: value for name, value in item.items() if f"{path}.{name}" not in _MESSAGE_IGNORES}


def _reason(tag: object) -> str | None:
    """Return the reason that a person chose: its name, or the object with its name as the site holds it."""
    name = text(tag.get("key")) if isinstance(tag, dict) else tag
    return name if isinstance(name, str) and name in REASONS else None


def _values(judgment: object) -> dict[str, str]:
    if not isinstance(judgment, dict):
        return {}
    given = {THUMB_NAME: thumb_of(judgment.get("rating")), "reason": _reason(judgment.get("tag"))}
    return {name: value for name, value in given.items() if value is not None}
