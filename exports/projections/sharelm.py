"""The collection itself: conversations in ShareLM's columns, and as trees with every branch.

Source: Don-Yehiya, Choshen and Abend (2024), The ShareLM Collection and Plugin, arXiv 2408.08291.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from exports.collection_items import select_collection
from exports.columns import COUNT, FLAG, MESSAGES, ORIGIN, TEXT, TEXTS, Columns, ListOf, origin
from exports.context import UNKNOWN, clean, definitions, text_of
from exports.markdown import cell
from exports.projection import Measurements, OfAll, Projection, TableSpec
from workspaces.grammar import counted
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.columns import Row
    from exports.whole_conversations import WholeConversation
    from workspaces.records import Message

COLUMNS: Columns = {
    "conversation_id": TEXT,
    "conversation": MESSAGES,
    "model_name": TEXT,
    "user_id": TEXT,
    "timestamp": TEXT,
    "source": TEXT,
    "user_metadata": {"location": TEXT, "age": TEXT, "gender": TEXT},
    "conversation_metadata": {
        "rate": TEXT,
        "language": TEXT,
        "redacted": TEXT,
        "toxic": TEXT,
        "title": TEXT,
        "custom_instruction": TEXT,
        "status": TEXT,
    },
}
TREE: Columns = {
    "conversation_id": TEXT,
    "messages": ListOf(
        {
            "id": TEXT,
            "parent_id": TEXT,
            "role": TEXT,
            "content": TEXT,
            "model": TEXT,
            "tool_calls": TEXT,
            "tool_call_id": TEXT,
            "tool_name": TEXT,
            "attachments": TEXTS,
            "generated": FLAG,
            "rewrite_of": TEXT,
        }
    ),
    "n_branches": COUNT,
    "language": TEXT,
    "tools": TEXT,
}
PROVENANCE: Columns = {"conversation_ids": TEXTS, "models": TEXTS, **ORIGIN}
METHOD = """\
A row is a conversation that its giver shares, as the collection holds it after redaction, in ShareLM's columns.
`conversation` follows the first answer at each branch; a call of a tool without a text beside it is JSON text there,
and others are not there. `model_name` has the models of its answers, as far as the log names them. `tree` has every
message with its parent, calls of tools (JSON text), answers that models were asked for later (`generated`) and
people's rewrites (`rewrite_of`); `n_branches` counts its branchings. Reasoning is left out. `user_id`,
`user_metadata` and the fields of `conversation_metadata` beside `language` are empty: who gave a conversation, what a
person is, and what else a log says of either are nobody's business here. `timestamp` is the day, in UTC. Nobody's
judgments are in it: the other exports hold them.

Row *n* of a split in `tree` and in `provenance` tells of row *n* of that split in the first configuration."""


def _rows(item: WholeConversation) -> list[Row]:
    chat = item.conversation
    path = item.main_path
    models = list(dict.fromkeys(name for it in path if (name := item.model_of(it)) not in (None, UNKNOWN)))
    return [
        {
            "conversation_id": chat.id,
            "conversation": [{"role": it.role.value, "content": _content(it)} for it in path],
            "model_name": clean(", ".join(models)),
            "user_id": "",
            "timestamp": "" if chat.timestamp is None else chat.timestamp.astimezone(UTC).date().isoformat(),
            "source": clean(chat.source),
            "user_metadata": {"location": "", "age": "", "gender": ""},
            "conversation_metadata": {
                **dict.fromkeys(("rate", "redacted", "toxic", "title", "custom_instruction", "status"), ""),
                "language": item.language or "",
            },
        }
    ]


def _content(message: Message) -> str:
    """Return the text of a message with the names of its attachments; calls without a text are written as JSON."""
    text = text_of(message)
    return text if text.strip() or not message.tool_calls else (_calls(message) or "")


def _calls(message: Message) -> str | None:
    if not message.tool_calls:
        return None
    calls = [{"id": it.id, "name": it.name, "arguments": it.arguments} for it in message.tool_calls]
    return clean(json.dumps(calls, ensure_ascii=False))


def _tree(item: WholeConversation) -> list[Row]:
    children = Counter(it.parent_id for it in item.conversation.messages if it.parent_id is not None)
    tools = definitions(item.conversation.conversation_metadata.get("tools"))
    return [
        {
            "conversation_id": item.id,
            "messages": [
                {
                    "id": it.id,
                    "parent_id": it.parent_id,
                    "role": it.role.value,
                    "content": clean(it.content),
                    "model": None if (name := item.model_of(it)) in (None, UNKNOWN) else clean(name),
                    "tool_calls": _calls(it),
                    "tool_call_id": None if it.tool_call_id is None else clean(it.tool_call_id),
                    "tool_name": None if it.tool_name is None else clean(it.tool_name),
                    "attachments": [clean(f"{each.kind}: {each.name or ''}") for each in it.attachments],
                    "generated": it.generated is not None,
                    "rewrite_of": it.rewrite_of,
                }
                for it in item.conversation.messages
            ],
            "n_branches": sum(count > 1 for count in children.values()),
            "language": item.language or "",
            "tools": "" if tools is None else json.dumps(tools, ensure_ascii=False),
        }
    ]


def _provenance(item: WholeConversation) -> list[Row]:
    return [{"conversation_ids": [item.id], "models": list(item.models), **origin(item)}]


def _measure(items: Sequence[WholeConversation]) -> Measurements:
    languages = dict(sorted(Counter(item.language or "" for item in items).items()))
    messages = [it for item in items for it in item.conversation.messages]
    branched = sum(len(item.main_path) < len(item.conversation.messages) for item in items)
    told = ", ".join(f"{cell(name or 'unknown')} {count:,}" for name, count in languages.items())
    return Measurements(
        manifest={
            "messages": len(messages),
            "responses": sum(it.role is Role.ASSISTANT for it in messages),
            "branched": branched,
            "languages": {**languages},
        },
        card=(
            f"- Conversations: {len(items):,} with {counted(len(messages), 'message')}; {branched:,} have branches.\n"
            f"- By language: {told}."
        ),
    )


PROJECTION = Projection(
    name="sharelm",
    help="The shared conversations themselves, in ShareLM's columns, and as trees with every branch.",
    title="Shared conversations",
    trainer="scripts that read the ShareLM collection",
    method=METHOD,
    limits=(
        "Redaction finds most personal data and not all; whoever finds more should tell the giver's project.",
        "`tombstones.jsonl` names conversations that were taken back: drop them from your copies.",
    ),
    tables=(
        TableSpec("sharelm", "conversations", COLUMNS, _rows),
        TableSpec("tree", "the same with every branch", TREE, _tree),
        TableSpec("provenance", "models, licence and source of each", PROVENANCE, _provenance),
    ),
    select=select_collection,
    measure=partial(OfAll, _measure),
    at_once=True,
    of_answers=False,
)
