"""What holds for any row of any file: it is read or rejected, and what was read is kept as it is."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from task_generators.chat_logs.batches import Batch, batch_of, readings_in
from task_generators.chat_logs.curation import redact
from task_generators.chat_logs.readers import Reading, RowError, sharelm
from tests.examples import examples
from workspaces.collection import Collection
from workspaces.privacy.redaction import Redactor
from workspaces.store import Store

if TYPE_CHECKING:
    from workspaces.records import Conversation

NOW = datetime(2026, 5, 1, tzinfo=UTC)
REDACTOR = Redactor()

TEXT = st.text(st.characters(), max_size=30)  # lone surrogates and NUL included
NAMES = st.sampled_from(["", "a", "language", "title", "\ud800", "redacted"]) | TEXT
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from(["", "True", "false"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
ROLES = st.sampled_from(["user", "assistant", "system", "tool", "Human", "gpt", "bot"])
TURNS = st.lists(st.fixed_dictionaries({"role": ROLES, "content": TEXT}), min_size=1, max_size=5)
TIMES = st.datetimes().map(str) | st.datetimes().map(datetime.isoformat) | st.floats() | st.integers()
LIKELY = st.fixed_dictionaries(
    {
        "conversation_id": TEXT,
        "conversation": TURNS,
        "model_name": st.none() | TEXT,
        "source": st.none() | TEXT,
    },
    optional={
        "user_id": TEXT | st.integers(),
        "timestamp": TIMES,
        "user_metadata": st.dictionaries(NAMES, JSON, max_size=4),
        "conversation_metadata": st.dictionaries(NAMES, JSON, max_size=4),
        "licence": TEXT,
    },
)
COLUMNS = st.sampled_from(
    ["conversation_id", "conversation", "model_name", "source", "user_id", "timestamp", "user_metadata"]
)
ODD = st.dictionaries(COLUMNS | TEXT, JSON, max_size=8)


def spoilt(row: dict[str, Any], column: str, value: object) -> dict[str, Any]:
    return row | {column: value}


ROWS = LIKELY | ODD | st.builds(spoilt, LIKELY, COLUMNS, JSON | st.lists(JSON, max_size=3))


def read(row: dict[str, Any]) -> Conversation | None:
    reader = sharelm
    try:
        return reader.read(row).conversation
    except RowError as error:
        return None if str(error) else pytest.fail("rejected without a reason")


@given(ROWS)
@examples(200)
def test_any_row_is_read_or_rejected_with_a_reason(row: dict[str, Any]) -> None:
    found = read(row)
    event("read" if found else "rejected")
    if found is not None:
        ids = [message.id for message in found.messages]
        assert len(set(ids)) == len(ids)
        assert found.messages[0].parent_id is None
        assert [message.parent_id for message in found.messages[1:]] == ids[:-1]
        assert found.path_to(ids[-1]) == found.messages
        assert found.timestamp is None or found.timestamp.tzinfo is UTC


@given(st.lists(LIKELY, min_size=1, max_size=4))
@examples(40)
def test_what_was_read_survives_the_collection_unchanged(rows: list[dict[str, Any]]) -> None:
    found = [conversation for row in rows if (conversation := read(row)) is not None]
    store = Store("sqlite://")
    store.upgrade()
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(Path(folder), store)
        appended = collection.append(found, now=NOW, delay=timedelta(0))
        refused = len(appended.refused)
        assert appended.added + appended.grown + appended.duplicates + refused == len(found)
        collection.share_due(NOW)
        back = list(collection.scan())
        assert len(back) == appended.added
        for conversation in back:
            given = [each for each in found if each.id == conversation.id]
            assert conversation == given[0] or appended.grown
            assert conversation.messages in [each.messages for each in given]
    store.close()


@given(LIKELY)
@examples(100)
def test_a_row_read_from_its_own_json_is_the_same(row: dict[str, Any]) -> None:
    assert read(json.loads(json.dumps(row))) == read(row)


@given(LIKELY)
@examples(100)
def test_redaction_keeps_the_shape_and_changes_nothing_the_second_time(row: dict[str, Any]) -> None:
    conversation = read(row)
    if conversation is None:
        return
    first = redact(Batch(batch_of([1], [Reading(conversation)])), REDACTOR)
    second = redact(first, REDACTOR)
    (once,), (again,) = (readings_in(batch.rows) for batch in (first, second))
    assert again == once
    assert second.rows.column("redactions").equals(first.rows.column("redactions"))
    assert [(m.id, m.parent_id, m.role) for m in once.conversation.messages] == [
        (m.id, m.parent_id, m.role) for m in conversation.messages
    ]
    assert once.conversation.conversation_metadata.keys() == conversation.conversation_metadata.keys()
