"""The export of claude.ai: one chat a row, with ``chat_messages`` that name the message that each one answers.

Older exports name none: there each message answers the one before. Text stands in ``content``, or in ``text`` alone.
Source: exports and their parsers as public repositories had them in November 2026.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss
from task_generators.chat_logs.readers.fields import person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.reply_trees import Node, branches
from task_generators.chat_logs.readers.turn_columns import TURN
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.turns import identifier, turns_of
from task_generators.chat_logs.readers.uses import (
    FLAG,
    GIVER,
    ID,
    KIND,
    MESSAGE_ID,
    MODEL,
    NOTE,
    PARENT,
    TIME,
    TRANSCRIPT,
)
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

NAME = "claude-export"
COLUMNS = frozenset({"chat_messages"})
PRECEDENCE = 321
_UNSHOWN = re.compile(r"```\s*This block is not supported on your current device yet\.\s*```")
_SHOWN = "how the site shows it"
_TIMES = "when it was said: the order says enough"
_PART = "chat_messages[].content[]"
READS = {
    "uuid": ID,
    "name": NOTE,
    "summary": NOTE,
    "model": MODEL,
    "is_starred": FLAG,
    "account.uuid": GIVER,
    "created_at": TIME,
    **turn_reads("chat_messages"),
    **dict.fromkeys((_PART, "chat_messages[].attachments[]", "chat_messages[].files[]"), TURN),
    "chat_messages[].text": TRANSCRIPT,
    f"{_PART}.type": KIND,
    "chat_messages[].uuid": MESSAGE_ID,
    "chat_messages[].parent_message_uuid": PARENT,
}
IGNORES = {
    "updated_at": "when the chat was last opened",
    "account.*": "it identifies a person",
    "current_leaf_message_uuid": "the branch that was shown last",
    "settings": "how the site was set up",
    "project_uuid": "the folder of the chat",
    "project": "the folder of the chat",
    "platform": _SHOWN,
    **{
        f"chat_messages[].{name}": why
        for name, why in {
            "created_at": _TIMES,
            "updated_at": _TIMES,
            "index": "the parents say it",
            "truncated": _SHOWN,
            "files_v2": "the same as files",
            "sync_sources": _SHOWN,
            "stop_reason": "why the model stopped",
            "input_mode": _SHOWN,
        }.items()
    },
    **{
        f"{_PART}.{name}": why
        for name, why in {
            "start_timestamp": _TIMES,
            "stop_timestamp": _TIMES,
            "flags": _SHOWN,
            "cut_off": _SHOWN,
            "truncated": _SHOWN,
            "alternative_display_type": _SHOWN,
            "summaries": "they repeat the reasoning in short",
            "signature": "encrypted for the model's maker",
            "message": _SHOWN,
            "integration_name": "the tool's name says it",
            "integration_icon_url": _SHOWN,
            "mcp_server_url": "the tool's name says it",
            "icon_name": _SHOWN,
            "context": _SHOWN,
            "display_content": "it shows the same again",
            "structured_content": "it shows the same again",
            "approval_options": _SHOWN,
            "approval_key": _SHOWN,
            "is_mcp_app": _SHOWN,
            "tool_identifier": "the tool's name says it",
            "is_error": "the result says it",
            "meta": _SHOWN,
            "citations": "where a search found it: the text says it",
        }.items()
    },
    "chat_messages[].attachments[].file_size": "of bytes that are not kept",
    "chat_messages[].attachments[].id": "the name says it",
    "chat_messages[].attachments[].created_at": _TIMES,
    "chat_messages[].files[].created_at": _TIMES,
    **{
        f"chat_messages[].files[].{name}": "of bytes that are not kept"
        for name in (
            "file_uuid", "uuid", "size_bytes", "thumbnail_url", "preview_url", "thumbnail_asset", "preview_asset",
            "success", "path", "sanitized_name",
        )
    },
}  # fmt: skip


def read(row: RowValue) -> Reading:
    """Read one chat.

    Raises:
        RowError: the row lacks an id or its messages, or a message cannot be read.
    """
    conversation_id = identifier(row, "uuid", prefix=f"{NAME}-")
    account = row.get("account")
    model_name = text(row.get("model"))
    turns = turns_of(row, "chat_messages")
    knows_parents = any(isinstance(turn, dict) and text(turn.get("parent_message_uuid")) for turn in turns)
    nodes: list[Node] = []
    losses: list[Loss] = []
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict):
            raise RowError(f"a turn has no text: turn {index}")
        key = text(turn.get("uuid")) or str(index)
        before = nodes[-1].key if nodes else None
        parent = text(turn.get("parent_message_uuid")) if knows_parents else before
        nodes.append(Node(key, parent, _turn(turn, losses), model_name))
    tree = branches(conversation_id, nodes)
    metadata: dict[str, JsonValue] = {
        name: said
        for name, column in (("title", "name"), ("summary", "summary"))
        if (said := text(row.get(column)))
    }
    if isinstance(row.get("is_starred"), bool):
        metadata["starred"] = bool(row["is_starred"])
    return Reading(
        Conversation(
            id=conversation_id,
            messages=tree.messages,
            source=NAME,
            model_name=model_name,
            giver_id=person(account.get("uuid")) if isinstance(account, dict) else None,
            timestamp=timestamp(row.get("created_at")),
            conversation_metadata=metadata,
        ),
        losses=(*tree.losses, *losses),
    )


def _turn(turn: dict[str, object], losses: list[Loss]) -> dict[str, object]:
    """Return a message without what is ignored of it, and without ``text`` where ``content`` stands.

    They say the same, but of tools ``text`` says that it cannot show them. Anything else in it is a loss.
    """
    kept = {name: value for name, value in turn.items() if f"chat_messages[].{name}" not in IGNORES}
    content = turn.get("content")
    if not isinstance(content, list) or not content:
        kept.pop("content", None)
        return kept
    kept["content"] = [_part(part) for part in content]
    again = kept.pop("text", None)
    said = "".join("".join(_texts(content)).split())
    for piece in _UNSHOWN.split(again) if isinstance(again, str) else ():
        if "".join(piece.split()) not in said:
            losses.append(Loss(UNREAD, "chat_messages[].text", again))
            break
    return kept


def _part(part: object) -> object:
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if f"{_PART}.{name}" not in IGNORES}


def _texts(content: list[object]) -> Iterator[str]:
    for part in content:
        said = part.get("text") if isinstance(part, dict) else part
        if isinstance(said, str):
            yield said
