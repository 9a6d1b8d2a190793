"""The feedback that Open WebUI exports for its administrator: one judgment a row, with the chat as it was then.

Rows of one chat belong together: their chats are one tree, and each row is a judgment of one answer in it.
Source: the repository open-webui/open-webui (models/feedbacks.py, Evaluations) as it was in November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import CUT, Loss, Use
from task_generators.chat_logs.readers.fields import person, text, timestamp
from task_generators.chat_logs.readers.open_webui_export import (
    CHAT_IGNORES,
    MESSAGE_IGNORES,
    MESSAGE_READS,
    REASON,
    judged,
    messages_in,
    tree_of,
    unfinished,
)
from task_generators.chat_logs.readers.open_webui_export import NAME as SOURCE
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.thumbs import THUMB_OR_NONE
from task_generators.chat_logs.readers.turns import identifier
from task_generators.chat_logs.readers.uses import GIVER, ID, NOTE, RATER, SCORE, TIME
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from task_generators.chat_logs.readers.feedback import Feedback

NAME = "open-webui-feedback"
COLUMNS = frozenset({"data", "meta", "snapshot"})
PRECEDENCE = 332
_CHAT = "snapshot.chat"
_MESSAGE = f"{_CHAT}.chat.history.messages.*"
_AGAIN = "the message says it"
READS = {
    "user_id": RATER,
    "updated_at|created_at": TIME,
    "meta.chat_id": ID,
    "meta.message_id": Use(
        "the response that is judged", lambda value: text(value) is not None, decides=True
    ),
    "data.rating": THUMB_OR_NONE,
    "data.reason": REASON,
    "data.details.rating": SCORE,
    f"{_CHAT}.user_id": GIVER,
    f"{_CHAT}.title": NOTE,
    f"{_CHAT}.created_at": TIME,
    **{
        f"{_MESSAGE}.{path}".rstrip("."): use
        for path, use in MESSAGE_READS.items()
        if not path.startswith("annotation")
    },
}
IGNORES = {
    "id": "of the site's database",
    "version": "of the site's database",
    "type": "the judgment says it",
    "user": "it identifies a person",
    "data.model_id": _AGAIN,
    "data.sibling_model_ids": "the other answers say it",
    "meta.model_id": _AGAIN,
    "meta.message_index": _AGAIN,
    "meta.base_models": "how the site was set up",
    "meta.arena": "the model was not shown",
    "meta.tags": "a model's words for the chat",
    "data.tags": "a model's words for the chat",
    f"{_CHAT}.id": "meta.chat_id is the same",
    **{
        f"{_CHAT}.{name}": "how the site shows it"
        for name in ("updated_at", "share_id", "archived", "pinned", "folder_id", "meta")
    },
    **{f"{_CHAT}.chat.{name}": why for name, why in CHAT_IGNORES.items()},
    **{f"{_MESSAGE}.{name}": why for name, why in MESSAGE_IGNORES.items()},
    f"{_MESSAGE}.annotation": "each judgment is a row of its own",
}


def group_key(row: RowValue) -> str:
    """Return the chat of a judgment, by the name that the export of chats gives it.

    Raises:
        RowError: it names none.
    """
    meta = row.get("meta")
    return identifier(meta if isinstance(meta, Mapping) else {}, "chat_id", prefix=f"{SOURCE}-")


def read(row: RowValue) -> Reading:
    """Read one judgment with its chat.

    Raises:
        RowError: the row has no chat, or a message of it cannot be read.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read the judgments of one chat, in any order.

    Where a message changed from one judgment to the next, the later one counts, and the earlier one is cut.

    Raises:
        RowError: no row has a chat, or a message of it cannot be read.
    """
    keys = {group_key(row) for row in rows}
    if len(keys) > 1:
        raise RowError("the rows are of several chats")
    (chat_id,) = keys
    in_order = sorted(rows, key=_order)
    messages: dict[str, object] = {}
    latest: Mapping[str, object] = {}
    changed = 0
    for row in in_order:
        snapshot = row.get("snapshot")
        chat = snapshot.get("chat") if isinstance(snapshot, Mapping) else None
        if isinstance(chat, Mapping) and (found := messages_in(chat.get("chat"))):
            latest = chat
            changed += sum(
                _said(messages[key]) != _said(message) for key, message in found.items() if key in messages
            )
            messages |= found
    if not messages:
        raise RowError("snapshot has no chat: read the export of the chats instead, it has these thumbs")
    tree = tree_of(chat_id, messages)
    feedback: list[Feedback] = []
    omissions: list[tuple[int, str]] = []
    for position, row in enumerate(rows):
        meta, data = row.get("meta"), row.get("data")
        name = text(meta.get("message_id")) if isinstance(meta, Mapping) else None
        at = timestamp(row.get("updated_at")) or timestamp(row.get("created_at"))
        response = tree.responses.get(name or "")
        if response is None:
            omissions.append((position, "the response that is judged is not in the chat"))
        elif not isinstance(data, Mapping) or not (
            found_feedback := list(judged(response, data, person(row.get("user_id")), at))
        ):
            omissions.append((position, "the judgment says nothing"))
        else:
            feedback += found_feedback
    if len(omissions) == len(rows):
        raise RowError(min(reason for _, reason in omissions))
    metadata: dict[str, JsonValue] = {}
    if title := text(latest.get("title")):
        metadata["title"] = title
    if drafts := unfinished(messages, tree):
        metadata["unfinished"] = list(drafts)
    feedback.sort(key=lambda each: (each.message_ids, str(each.at), str(each.rater), str(each.values)))
    return Reading(
        Conversation(
            id=chat_id,
            messages=tree.messages,
            source=SOURCE,
            giver_id=person(latest.get("user_id")),
            timestamp=timestamp(latest.get("created_at")),
            conversation_metadata=metadata,
        ),
        tuple(feedback),
        tuple(omissions),
        losses=(*tree.losses, *[Loss(CUT, "what a message said before it was changed", None)] * changed),
    )


def _said(message: object) -> object:
    """Return what of a message is kept, apart from its judgments."""
    return (
        [message.get(key) for key in ("role", "content", "output", "parentId", "files")]
        if isinstance(message, Mapping)
        else message
    )


def _order(row: RowValue) -> tuple[str, str]:
    at = timestamp(row.get("updated_at")) or timestamp(row.get("created_at"))
    return str(at), json.dumps(row, sort_keys=True, default=str)
