"""The chats of Open WebUI: one a row, ``chat.history.messages`` by id, with thumbs, reasons and stars on answers.

Source: the repository open-webui/open-webui as it was in November 2026.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss, Use
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import number, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.reply_trees import Branches, Node, branches
from task_generators.chat_logs.readers.thumbs import THUMB as THUMB_NAME
from task_generators.chat_logs.readers.thumbs import THUMB_OR_NONE, thumb_of
from task_generators.chat_logs.readers.turn_columns import TURN
from task_generators.chat_logs.readers.turns import identifier
from task_generators.chat_logs.readers.uses import (
    CONTENT,
    FLAG,
    GIVER,
    ID,
    KIND,
    MESSAGE_ID,
    MODEL,
    NOTE,
    PARENT,
    ROLE,
    SCORE,
    TIME,
    of_response,
)
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pydantic import JsonValue

NAME = "open-webui-export"
COLUMNS = frozenset({"chat"})
PRECEDENCE = 331
REASONS = frozenset(
    {
        "accurate_information", "followed_instructions_perfectly", "showcased_creativity", "positive_attitude",
        "attention_to_detail", "thorough_explanation", "dont_like_the_style", "too_verbose", "not_helpful",
        "not_factually_correct", "didnt_fully_follow_instructions", "refused_when_it_shouldnt_have", "being_lazy",
        "other",
    }
)  # fmt: skip
"""What a person can choose as the reason of a thumb. Source: RateComment.svelte."""
REASON = Use("imported feedback: reason", lambda value: reason_of(value) is not None)
DONE = Use("metadata: unfinished", lambda value: isinstance(value, bool), decides=True)
_SHOWN = "how the site shows it"
_AGAIN = "it says the same again"
_REASONING = re.compile(
    r"\s*<details\s+type=\"reasoning\"[^>]*>\s*(?:<summary>.*?</summary>)?(.*?)</details>\s*", re.DOTALL
)


def _in_output(message: Mapping[str, object]) -> bool:
    return not _has_output(message)


MESSAGE_READS = {
    "": TURN,
    "id": MESSAGE_ID,
    "parentId": PARENT,
    "role": ROLE,
    "content": Use(
        CONTENT.goes_to, CONTENT.understood, parts=True, counts_in=_in_output, why="output says it in parts"
    ),
    "output[]": TURN,
    "output[].type": KIND,
    "files[]": TURN,
    "files[].type": KIND,
    "model": of_response(MODEL),
    "selectedModelId": of_response(MODEL),
    "done": DONE,
    "annotation": of_response(Use("imported feedback")),
    "annotation.rating": THUMB_OR_NONE,
    "annotation.reason": REASON,
    "annotation.details.rating": SCORE,
}
MESSAGE_IGNORES = {
    "childrenIds": "the parents say it",
    "timestamp": "when it was said: the order says enough",
    "modelName": "the model's id says it",
    "modelIdx": "the order of the models",
    "models": "the answers say which models were asked",
    "user": "it identifies a person",
    "feedbackId": "of the person's thumb",
    "lastSentence": "it is read aloud",
    "originalContent": "of an answer that somebody edited",
    "statusHistory": _SHOWN,
    "status": _SHOWN,
    "followUps": "questions that a model proposes",
    "usage": "what the answer cost",
    "info": "what the answer cost",
    "favorite": _SHOWN,
    "arena": "the model was not shown",
    "userContext": _SHOWN,
    "output[].id": _SHOWN,
    "output[].status": _SHOWN,
    "output[].role": _AGAIN,
    "output[].start_tag": _SHOWN,
    "output[].end_tag": _SHOWN,
    "output[].attributes": _SHOWN,
    "output[].started_at": _SHOWN,
    "output[].ended_at": _SHOWN,
    "output[].duration": _SHOWN,
    **{
        f"files[].{name}": "of bytes that are not kept"
        for name in (
            "id", "itemId", "status", "size", "file", "collection", "collection_name", "error", "data", "meta",
            "user_id",
        )
    },
}  # fmt: skip
"""Of a message. ``sources``, what a search found, is not read, nor are the words of a comment: they are personal."""

_MESSAGE = "chat.history.messages.*"
READS = {
    "id": ID,
    "user_id": GIVER,
    "title": NOTE,
    "created_at": TIME,
    "archived": FLAG,
    "pinned": FLAG,
    **{f"{_MESSAGE}.{path}".rstrip("."): use for path, use in MESSAGE_READS.items()},
}
CHAT_IGNORES = {
    "id": "the row's own id counts",
    "title": _AGAIN,
    "models": "the answers name their models",
    "params": "how the site was set up",
    "messages": "the branch that was shown last, once more",
    "history.currentId": "the branch that was shown last",
    "history.current_id": "the branch that was shown last",
    "tags": "a model's words for the chat",
    "timestamp": _AGAIN,
    "files": "of bytes that are not kept",
    "features": "how the site was set up",
    "tools": "how the site was set up",
    "filters": "how the site was set up",
}
IGNORES = {
    "updated_at": "when the chat was last opened",
    "share_id": "an address of the chat",
    "folder_id": "the folder of the chat",
    "meta": "a model's words for the chat",
    **{f"chat.{name}": why for name, why in CHAT_IGNORES.items()},
    **{f"{_MESSAGE}.{name}": why for name, why in MESSAGE_IGNORES.items()},
}


def matches(row: RowValue) -> bool:
    """Return whether the chat has a history of messages."""
    return bool(messages_in(row.get("chat")))


def read(row: RowValue) -> Reading:
    """Read one chat.

    Raises:
        RowError: the row lacks an id or its messages, or a message cannot be read.
    """
    chat_id = identifier(row, "id", prefix=f"{NAME}-")
    messages = messages_in(row.get("chat"))
    tree = tree_of(chat_id, messages)
    giver = person(row.get("user_id"))
    metadata: dict[str, JsonValue] = {}
    if title := text(row.get("title")):
        metadata["title"] = title
    for flag in ("archived", "pinned"):
        value = row.get(flag)
        if isinstance(value, bool):
            metadata[flag] = value
    if drafts := unfinished(messages, tree):
        metadata["unfinished"] = list(drafts)
    feedback, lost = _thumbs(messages, tree, giver)
    return Reading(
        Conversation(
            id=chat_id,
            messages=tree.messages,
            source=NAME,
            giver_id=giver,
            timestamp=timestamp(row.get("created_at")),
            conversation_metadata=metadata,
        ),
        tuple(feedback),
        losses=(*tree.losses, *lost),
    )


def messages_in(chat: object) -> Mapping[str, object]:
    """Return the messages of a chat by id; none if it is not one."""
    history = chat.get("history") if isinstance(chat, Mapping) else None
    messages = history.get("messages") if isinstance(history, Mapping) else None
    return messages if isinstance(messages, Mapping) else {}


def tree_of(chat_id: str, messages: Mapping[str, object]) -> Branches:
    """Return the tree of a chat's messages.

    Raises:
        RowError: there is none, or one of them cannot be read.
    """
    nodes: list[Node] = []
    for index, (key, message) in enumerate(messages.items()):
        if not isinstance(message, Mapping):
            raise RowError(f"a turn has no text: turn {index}")
        name = text(message.get("id")) or str(key)
        model = text(message.get("selectedModelId")) or text(message.get("model"))
        nodes.append(Node(name, text(message.get("parentId")), _turn(message), model))
    return branches(chat_id, nodes)


def unfinished(messages: Mapping[str, object], tree: Branches) -> list[str]:
    """Return the ids of answers that were not finished."""
    return sorted(
        tree.responses[name]
        for key, message in messages.items()
        if isinstance(message, Mapping)
        and message.get("done") is False
        and (name := text(message.get("id")) or str(key)) in tree.responses
    )


def _turn(message: Mapping[str, object]) -> dict[str, object]:
    """Return a message as ``messages_of`` reads it: its output where it has one, or else its text."""
    turn: dict[str, object] = {"role": message.get("role")}
    output = message.get("output")
    if _has_output(message) and isinstance(output, list):
        turn["content"] = [_item(item) for item in output]
    else:
        content = message.get("content")
        turn["content"] = content
        if isinstance(content, str) and (thought := _REASONING.match(content)):
            said = re.sub(r"(?m)^> ?", "", html.unescape(thought[1])).strip()
            turn |= {"content": content[thought.end() :], "reasoning": said}
    if isinstance(files := message.get("files"), list):
        turn["files"] = [
            {name: value for name, value in file.items() if f"files[].{name}" not in MESSAGE_IGNORES}
            for file in files
            if isinstance(file, dict)
        ]
    return turn


def _has_output(message: Mapping[str, object]) -> bool:
    output = message.get("output")
    return isinstance(output, list) and any(isinstance(item, dict) and item.get("type") for item in output)


def _item(item: object) -> object:
    if not isinstance(item, dict):
        return item
    return {name: value for name, value in item.items() if f"output[].{name}" not in MESSAGE_IGNORES}


def reason_of(value: object) -> str | None:
    """Return the reason that a person chose; older exports hold its words as English shows them."""
    reason = re.sub(r"\s+", "_", value.strip().lower().replace("'", "")) if isinstance(value, str) else ""
    return reason if reason in REASONS else None


def _thumbs(
    messages: Mapping[str, object], tree: Branches, rater: str | None
) -> tuple[list[Feedback], list[Loss]]:
    """Return what people said of responses, and what they said of one that is not there."""
    feedback: list[Feedback] = []
    losses: list[Loss] = []
    for key, message in messages.items():
        if isinstance(message, Mapping) and isinstance(annotation := message.get("annotation"), Mapping):
            name = text(message.get("id")) or str(key)
            judgments = list(judged(tree.responses.get(name, ""), annotation, rater, None))
            if name in tree.responses:
                feedback += judgments
            else:
                losses += [Loss(UNREAD, f"{_MESSAGE}.annotation (of no response)", annotation)] * len(
                    judgments
                )
    return feedback, losses


def judged(
    response: str, judgment: Mapping[str, object], rater: str | None, at: datetime | None
) -> Iterator[Feedback]:
    """Yield what a person said of a response: thumb, reason, and a score from 1 to 10."""
    values: dict[str, str] = {}
    if thumb := thumb_of(judgment.get("rating"), zero=None):
        values[THUMB_NAME] = thumb
    if reason := reason_of(judgment.get("reason")):
        values["reason"] = reason
    details = judgment.get("details")
    if isinstance(details, Mapping) and (score := number(details.get("rating"))) is not None:
        values["score"] = score
    if values:
        yield Feedback.ratings(rater, response, values, at)
