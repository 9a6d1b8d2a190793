"""The export of ChatGPT: one chat a row, ``mapping`` with the messages by id, each with its parent.

Rows of ``message_feedback.json``, which is in the same archive, are the person's thumbs: they belong to the chat that
they name. Source: exports and their parsers as public repositories had them in November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import person, text, timestamp
from task_generators.chat_logs.readers.parts import json_text
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.reply_trees import Node, branches
from task_generators.chat_logs.readers.thumbs import THUMB as THUMB_NAME
from task_generators.chat_logs.readers.thumbs import thumb_of
from task_generators.chat_logs.readers.turn_columns import TURN
from task_generators.chat_logs.readers.turns import identifier
from task_generators.chat_logs.readers.uses import (
    FLAG,
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
)
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import JsonValue

NAME = "chatgpt-export"
COLUMNS: frozenset[str] = frozenset()
PRECEDENCE = 311
_MESSAGE = "mapping.*.message"
_SHOWN = "how the site shows it"
_SERVICE = "what the service notes for itself"
_ORDER = "when it was said: the order says enough"
_DRAFT = Use("metadata: unfinished", lambda value: isinstance(value, str), decides=True)
_ROW_ID = Use(
    "id of the conversation, or of a message with a thumb",
    lambda value: text(value) is not None,
    counts_in=lambda row: "mapping" not in row or text(row.get("conversation_id")) is None,
    why="conversation_id is the same",
)
READS = {
    "conversation_id": ID,
    "id": _ROW_ID,
    "message_id": MESSAGE_ID,
    "title": NOTE,
    "create_time": TIME,
    "is_starred": FLAG,
    "is_archived": FLAG,
    "default_model_slug": MODEL,
    "mapping.*.parent": PARENT,
    _MESSAGE: TURN,
    f"{_MESSAGE}.author.role": ROLE,
    f"{_MESSAGE}.author.name": TURN,
    f"{_MESSAGE}.recipient": Use("name of a tool", lambda value: isinstance(value, str), decides=True),
    f"{_MESSAGE}.status": _DRAFT,
    f"{_MESSAGE}.content": TURN,
    f"{_MESSAGE}.content.content_type": KIND,
    f"{_MESSAGE}.content.parts[]": TURN,
    f"{_MESSAGE}.content.thoughts[]": TURN,
    f"{_MESSAGE}.content.parts[].content_type": KIND,
    f"{_MESSAGE}.metadata.model_slug": MODEL,
    f"{_MESSAGE}.metadata.attachments[]": TURN,
    "user_id": GIVER,
    "rating": THUMB,
}
IGNORES = {
    "update_time": "when the chat was last opened",
    "current_node": "the branch that was shown last",
    "mapping.*.id": "the message's own id counts",
    "mapping.*.children": "the parents say it",
    f"{_MESSAGE}.id": "the key of its node is the same",
    f"{_MESSAGE}.content.thoughts[].finished": _SERVICE,
    f"{_MESSAGE}.content.thoughts[].chunks": "they are the same thought in pieces",
    f"{_MESSAGE}.author.metadata": _SERVICE,
    f"{_MESSAGE}.create_time": _ORDER,
    f"{_MESSAGE}.update_time": _ORDER,
    f"{_MESSAGE}.end_turn": _SERVICE,
    f"{_MESSAGE}.weight": "whether the model was shown it again",
    f"{_MESSAGE}.channel": _SERVICE,
    f"{_MESSAGE}.content.language": "of a piece of code: the code says it",
    f"{_MESSAGE}.content.response_format_name": _SERVICE,
    f"{_MESSAGE}.content.source_analysis_msg_id": _SERVICE,
    **{f"{_MESSAGE}.content.parts[].{name}": "of bytes that are not kept" for name in (
        "size_bytes", "width", "height", "fovea", "metadata", "expiry_datetime", "decoding_id", "direction",
        "frames_asset_pointers", "video_container_asset_pointer", "audio_start_timestamp",
        "tool_audio_direction", "format",
    )},
    **{f"{_MESSAGE}.metadata.attachments[].{name}": "of bytes that are not kept" for name in (
        "size", "file_token_size", "fileTokenSize", "width", "height", "source", "library_file_id", "is_big_paste",
        "fileSizeTokens", "file_size_tokens",
    )},
    **{f"{_MESSAGE}.metadata.{name}": _SERVICE for name in (
        "request_id", "timestamp_", "message_type", "finish_details", "is_complete", "parent_id", "message_source",
        "default_model_slug", "serialization_metadata", "voice_mode_message", "is_visually_hidden_from_conversation",
        "is_user_system_message", "user_context_message_data", "rebase_system_message", "rebase_developer_message",
        "turn_exchange_id", "resolved_model_slug", "requested_model_id", "thinking_effort", "reasoning_status",
        "reasoning_title", "finished_duration_sec", "classifier_response", "skip_reasoning_title", "pad", "gizmo_id",
        "invoked_plugin", "command", "args", "status", "jit_plugin_data", "kwargs", "aggregate_result", "exclusive_key",
        "model_switcher_deny", "paragen_variants_info", "paragen_variant_choice", "targeted_reply", "system_hints",
        "selected_sources", "selected_github_repos", "dictation", "shared_conversation_id", "can_save", "canvas",
        "search_turns_count", "search_source", "client_reported_search_source", "debug_sonic_thread_id",
        "sonic_classification_result", "caterpillar_selected_sources", "developer_mode_connector_ids",
        "is_contextual_answers_supported", "request_kind", "cutoff_date", "is_loading_message",
    )},
    "gizmo_id": _SERVICE,
    "gizmo_type": _SERVICE,
    "conversation_template_id": _SERVICE,
    "conversation_origin": _SERVICE,
    "plugin_ids": _SERVICE,
    "moderation_results": "a service's own labels: moderation is asked for anew",
    "safe_urls": _SERVICE,
    "blocked_urls": _SERVICE,
    "voice": _SHOWN,
    "async_status": _SERVICE,
    "disabled_tool_ids": _SERVICE,
    "is_do_not_remember": _SERVICE,
    "is_study_mode": _SERVICE,
    "is_read_only": _SHOWN,
    "memory_scope": _SERVICE,
    "context_scopes": _SERVICE,
    "sugar_item_id": _SERVICE,
    "sugar_item_visible": _SHOWN,
    "pinned_time": _SHOWN,
    "owner": "it identifies a person",
    "workspace_id": _SERVICE,
    "evaluation_name": _SERVICE,
    "evaluation_treatment": _SERVICE,
    "storage_protocol": _SERVICE,
}  # fmt: skip

_THOUGHTS = ("thoughts", "reasoning_recap")
_OF_THOUGHT = {"summary", "content", "finished", "chunks"}
_OF_TEXT = ("", "text", "multimodal_text")


def matches(row: RowValue) -> bool:
    """Return whether a row is a chat, or a thumb."""
    mapping = row.get("mapping")
    if isinstance(mapping, Mapping):
        return any(isinstance(node, Mapping) and "message" in node for node in mapping.values())
    return bool(_rated(row)) and text(row.get("conversation_id")) is not None and "rating" in row


def _rated(row: RowValue) -> str | None:
    """Return the id of the message that a thumb is of."""
    return text(row.get("message_id")) or text(row.get("id"))


def group_key(row: RowValue) -> str:
    """Return the chat of a row.

    Raises:
        RowError: it names none.
    """
    return identifier(row, "conversation_id", "id", prefix=f"{NAME}-")


def read(row: RowValue) -> Reading:
    """Read one chat.

    Raises:
        RowError: the row is no chat, or a message of it cannot be read.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read a chat with its thumbs, in any order.

    Raises:
        RowError: no row is a chat, two are different ones, or a message cannot be read.
    """
    chats = [position for position, row in enumerate(rows) if "mapping" in row]
    if not chats:
        raise RowError(
            "mapping is missing: a thumb needs its chat, so read the archive or the folder that holds both files"
        )
    if len({group_key(row) for row in rows}) > 1:
        raise RowError("the rows are of several chats")
    chosen = min(chats, key=lambda position: _order(rows[position]))
    chat = rows[chosen]
    omissions = {
        position: "the chat stands twice: the one with more messages counts"
        for position in chats
        if position != chosen
    }
    reading, responses = _read(chat)
    feedback: list[Feedback] = []
    for position, row in enumerate(rows):
        if position in chats:
            continue
        response = responses.get(_rated(row) or "")
        thumb = thumb_of(row.get("rating"), zero=None)
        if response is None:
            omissions[position] = "a thumb of a message that is not in the chat"
        elif thumb is None:
            omissions[position] = "a thumb that is neither up nor down"
        else:
            at = timestamp(row.get("create_time"))
            feedback.append(Feedback.ratings(person(row.get("user_id")), response, {THUMB_NAME: thumb}, at))
    feedback.sort(key=lambda each: (each.message_ids, str(each.at), str(each.rater), str(each.values)))
    return Reading(
        reading.conversation, tuple(feedback), tuple(sorted(omissions.items())), losses=reading.losses
    )


def _order(chat: RowValue) -> tuple[int, str]:
    mapping = chat.get("mapping")
    return -len(mapping) if isinstance(mapping, Mapping) else 0, json.dumps(chat, sort_keys=True, default=str)


def _read(row: RowValue) -> tuple[Reading, Mapping[str, str]]:
    """Return a chat, and the ids of its responses by their names in the export."""
    conversation_id = group_key(row)
    mapping = row.get("mapping")
    if not isinstance(mapping, Mapping) or not mapping:
        raise RowError("mapping is not an object of messages")
    default = text(row.get("default_model_slug"))
    nodes: list[Node] = []
    drafts: list[str] = []
    for key, node in mapping.items():
        if not isinstance(node, Mapping):
            raise RowError("a node of mapping is not an object")
        message = node.get("message")
        if message is not None and not isinstance(message, Mapping):
            raise RowError("a message is not an object")
        parent = text(node.get("parent"))
        if message is None:
            nodes.append(Node(str(key), parent, None))
            continue
        slug = _of(message, "metadata").get("model_slug")
        nodes.append(Node(str(key), parent, _turn(message), text(slug) or default))
        if message.get("status") in ("in_progress", "finished_partial_completion"):
            drafts.append(str(key))
    tree = branches(conversation_id, nodes)
    metadata: dict[str, JsonValue] = {}
    if title := text(row.get("title")):
        metadata["title"] = title
    for name, column in (("starred", "is_starred"), ("archived", "is_archived")):
        value = row.get(column)
        if isinstance(value, bool):
            metadata[name] = value
    if unfinished := sorted(tree.responses[key] for key in drafts if key in tree.responses):
        metadata["unfinished"] = list(unfinished)
    conversation = Conversation(
        id=conversation_id,
        messages=tree.messages,
        source=NAME,
        model_name=default,
        timestamp=timestamp(row.get("create_time")),
        conversation_metadata=metadata,
    )
    return Reading(conversation, losses=tree.losses), tree.responses


def _of(value: Mapping[str, object], key: str) -> Mapping[str, object]:
    inner = value.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _turn(message: Mapping[str, object]) -> dict[str, object]:
    """Return a message as ``messages_of`` reads it.

    What a person set as instructions is a message of the system. Code that is sent to a tool is a call of it.
    """
    author, content = _of(message, "author"), _of(message, "content")
    kind = text(content.get("content_type")) or ""
    turn: dict[str, object] = {"role": author.get("role")}
    if name := text(author.get("name")):
        turn["tool_name"] = name
    recipient = text(message.get("recipient")) or "all"
    is_call = recipient not in ("all", "assistant") and author.get("role") == "assistant"
    if is_call and kind in ("text", "code"):
        turn |= {"content": "", "tool_calls": [{"name": recipient, "arguments": "\n".join(_texts(content))}]}
    elif kind in _OF_TEXT:
        parts = content.get("parts")
        turn["content"] = [_part(part) for part in parts] if isinstance(parts, list) else parts
    elif kind in _THOUGHTS:
        turn["reasoning"] = list(_texts(content))
        turn["content"] = ""
    elif kind == "user_editable_context":
        turn |= {"role": "system", "content": "\n".join(_texts(content))}
    else:
        turn["content"] = "\n".join(_texts(content))
    attachments = _of(message, "metadata").get("attachments")
    if isinstance(attachments, list):
        turn["attachments"] = [
            _without_ignored(each, "metadata.attachments[]") for each in attachments if isinstance(each, dict)
        ]
    return turn


def _part(part: object) -> object:
    return _without_ignored(part, "content.parts[]") if isinstance(part, dict) else part


def _without_ignored(item: Mapping[str, object], path: str) -> dict[str, object]:
    return {name: value for name, value in item.items() if f"{_MESSAGE}.{path}.{name}" not in IGNORES}


def _texts(content: Mapping[str, object]) -> Iterator[str]:
    """Yield what a content holds as texts, in order, without what is ignored; what is no text is JSON text."""
    for name, value in content.items():
        if name == "content_type" or f"{_MESSAGE}.content.{name}" in IGNORES or value is None:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping) and item.keys() <= _OF_THOUGHT:
                said = [item.get("summary"), item.get("content")]
            else:
                said = [item]
            yield from (
                each if isinstance(each, str) else json_text(each) for each in said if each not in (None, "")
            )
