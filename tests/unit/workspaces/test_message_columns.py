"""What a message holds beside its text is stored, compared and found like its text; older files lack it and go on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sample_records import NOW, chat
from workspaces.collection import Collection
from workspaces.collection.files import conversations_in, measured, to_batch
from workspaces.collection.message_columns import MESSAGE, STRUCTURE, structures
from workspaces.collection.search import search
from workspaces.records import Attachment, Conversation, Message, Role, ToolCall

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.store import Store

AT_ONCE = timedelta(0)
CALL = ToolCall("get_weather", '{"city": "Oslo"}', "c1")


def with_tools(*, city: str = "Oslo", longer: bool = False) -> Conversation:
    messages = [
        Message(
            "t#0", None, Role.USER, "Weather?", attachments=(Attachment("image", "sky.png", "image/png"),)
        ),
        Message(
            "t#1",
            "t#0",
            Role.ASSISTANT,
            "",
            "m",
            "I should look.",
            (replace(CALL, arguments=f'{{"city": "{city}"}}'),),
        ),
        Message("t#2", "t#1", Role.TOOL, "3 degrees", tool_call_id="c1", tool_name="get_weather"),
        Message("t#3", "t#2", Role.ASSISTANT, "It is cold.", "m"),
        Message("t#4", "t#3", Role.USER, "Thanks."),
    ]
    return Conversation("t", tuple(messages[: 5 if longer else 4]), source="test logs", model_name="m")


def older(conversation: Conversation) -> Conversation:
    """Return the chat as versions without these columns stored it."""
    texts = {"t#0": "Weather?\n[image_url]", "t#1": 'get_weather({"city": "Oslo"})'}
    return replace(
        conversation,
        messages=tuple(
            Message(each.id, each.parent_id, each.role, texts.get(each.id, each.content), each.model_name)
            for each in conversation.messages
        ),
    )


@pytest.fixture
def collection(sqlite_store: Store, tmp_path: Path) -> Collection:
    return Collection(tmp_path / "collection", sqlite_store)


def without_structure(path: Path) -> None:
    """Write a file again as a version without these columns wrote it."""
    table = pq.read_table(path)
    conversation = table.column("conversation").combine_chunks()
    messages = conversation.flatten()
    fields = [field for field in MESSAGE if field.name not in STRUCTURE]
    plain = pa.StructArray.from_arrays([messages.field(field.name) for field in fields], fields=fields)
    index = table.schema.get_field_index("conversation")
    column = pa.ListArray.from_arrays(conversation.offsets, plain)
    pq.write_table(table.set_column(index, pa.field("conversation", column.type), column), path)


def test_what_messages_hold_comes_back_and_is_part_of_what_makes_a_log_the_same(
    collection: Collection,
) -> None:
    batch = measured(to_batch([with_tools(), chat("c", "q", "a")]))
    assert list(conversations_in(batch)) == [with_tools(), chat("c", "q", "a")]
    assert structures(batch.column("conversation").flatten()) == [
        message.structure for message in (*with_tools().messages, *chat("c", "q", "a").messages)
    ]
    readings = [with_tools(), with_tools(city="Rome"), older(with_tools())]
    assert len(set(measured(to_batch(readings)).column("content_hash").to_pylist())) == 3
    collection.append([with_tools()], now=NOW, delay=AT_ONCE)
    assert collection.append([with_tools(city="Rome")], now=NOW, delay=AT_ONCE).namesakes == (0,)
    assert collection.append([with_tools(longer=True)], now=NOW, delay=AT_ONCE).grown == 1
    collection.share_due(NOW)
    assert list(collection.scan()) == [with_tools(longer=True)]


def test_logs_without_tools_have_the_hashes_of_older_versions() -> None:
    (content,) = measured(to_batch([chat("c", "q", "a")])).column("content_hash").to_pylist()
    assert content == "403386c1ed87a2a87cadd9fe"


def test_files_of_an_older_workbench_are_read_and_their_chats_grow(
    collection: Collection, sqlite_store: Store, tmp_path: Path
) -> None:
    collection.append([older(with_tools()), chat("c", "q", "a")], now=NOW, delay=AT_ONCE)
    collection.share_due(NOW)
    (file,) = (tmp_path / "collection").iterdir()
    without_structure(file)
    again = Collection(tmp_path / "collection", sqlite_store)
    assert list(again.scan()) == [older(with_tools()), chat("c", "q", "a")]
    assert search(again, "sky", 9) == []
    assert again.append([with_tools()], now=NOW, delay=AT_ONCE).duplicates == 1
    assert again.append([with_tools(longer=True, city="Rome")], now=NOW, delay=AT_ONCE).namesakes == (0,)
    grown = again.append([with_tools(longer=True), chat("c", "q", "a", "b")], now=NOW, delay=AT_ONCE)
    assert grown.grown == 2
    again.share_due(NOW)
    assert {found.id: len(found.messages) for found in again.scan()} == {"t": 5, "c": 3}


@pytest.mark.parametrize(
    ("text", "message_id"),
    [("OSLO", "t#1"), ("get_weather(", "t#1"), ("should look", "t#1"), ("sky.png", "t#0"), ("cold", "t#3")],
)
def test_search_finds_what_stands_beside_the_text(collection: Collection, text: str, message_id: str) -> None:
    collection.append([chat("c", "q", "a"), with_tools()], now=NOW, delay=AT_ONCE)
    (hit,) = search(collection, text, 9)
    assert hit.message_id == message_id
    assert text.casefold() in hit.excerpt.casefold()
