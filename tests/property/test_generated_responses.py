"""Whatever is generated for a conversation, its log is the same log: its figures, its growth, tasks about all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from task_generators.chat_logs.batches import Batch
from task_generators.chat_logs.curation import tag
from task_generators.whole_conversations import each_conversation, responses_together
from tests.examples import examples
from tests.sample_records import seeds_of
from workspaces.collection.files import COMPUTED, conversations_in, texts_of, to_batch
from workspaces.collection.growth import grown
from workspaces.records import Conversation, Generated, Message, Role, tree_order

if TYPE_CHECKING:
    import pyarrow as pa

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    [
        "I'm sorry, but I cannot help with that.",
        "As Claude, I think so.",
        "Guten Tag, wie geht es Ihnen heute?",
    ]
)
LABELS = {"openai_moderation": [{"flagged": True, "categories": ["hate"]}]}


@st.composite
def logs(draw: st.DrawFn) -> Conversation:
    """A tree whose first message is a person's; sometimes the log has a label for each message."""
    messages = [Message("m0", None, Role.USER, draw(TEXTS))]
    for number in range(1, draw(st.integers(1, 7))):
        parent = draw(st.sampled_from(messages))
        role = Role.ASSISTANT if parent.role is Role.USER else Role.USER
        model = draw(st.sampled_from([None, "x"])) if role is Role.ASSISTANT else None
        messages.append(Message(f"m{number}", parent.id, role, draw(TEXTS), model))
    labels = LABELS["openai_moderation"] * draw(st.sampled_from([0, 1, len(messages)]))
    metadata: dict[str, Any] = {"openai_moderation": labels} if labels else {}
    return Conversation("c", tree_order(messages), "s", "x", conversation_metadata=metadata)


@st.composite
def with_generated(draw: st.DrawFn) -> tuple[Conversation, Conversation]:
    log = draw(logs())
    asked = [message for message in log.messages if message.role is Role.USER]
    made = tuple(
        Message(
            f"g{number}", draw(st.sampled_from(asked)).id, Role.ASSISTANT, draw(TEXTS), "writer",
            generated=Generated("{}", "generated"),
        )
        for number in range(draw(st.integers(1, 4)))
    )  # fmt: skip
    return log, replace(log, messages=(*log.messages, *made))


def tagged(conversation: Conversation) -> pa.RecordBatch:
    return tag(Batch(to_batch([conversation]))).rows


def flags_of(rows: pa.RecordBatch) -> list[list[str]]:
    return [message["flags"] for message in rows.to_pylist()[0]["conversation"]]


@given(with_generated())
@examples(150)
def test_no_figure_of_a_log_counts_what_was_generated(both: tuple[Conversation, Conversation]) -> None:
    log, whole = both
    plain, beside = tagged(log), tagged(whole)
    assert texts_of(plain) == texts_of(beside)
    for name in (*COMPUTED, "detected_language"):
        assert plain.column(name).equals(beside.column(name)), name
    assert flags_of(beside)[: len(log.messages)] == flags_of(plain)
    (read,) = conversations_in(beside)
    assert read.messages == whole.messages
    assert read.logged() == log.messages


@given(with_generated(), st.integers(1, 7))
@examples(100)
def test_a_log_grows_as_it_would_without_what_was_generated(
    both: tuple[Conversation, Conversation], kept: int
) -> None:
    log, whole = both
    root = min(kept, len(log.messages))
    part = replace(log, messages=log.messages[:root])
    known = {message.id for message in part.messages}
    made = tuple(it for it in whole.messages if it.generated and it.parent_id in known)
    reading, stored = tagged(log).to_pylist()[0], tagged(part).to_pylist()[0]
    beside = tagged(replace(part, messages=(*part.messages, *made))).to_pylist()[0]
    expected, found = grown(stored, reading), grown(beside, reading)
    names = [message["id"] for message in found["conversation"]]
    assert names == [*(message["id"] for message in expected["conversation"]), *(it.id for it in made)]
    assert found["earlier_hashes"] == expected["earlier_hashes"]


@given(with_generated())
@examples(100)
def test_a_log_is_judged_as_a_whole_as_it_would_be_without_what_was_generated(
    both: tuple[Conversation, Conversation],
) -> None:
    log, whole = both
    seeds = seeds_of([whole])
    for find in (each_conversation, responses_together(3)):
        assert list(find("k", seeds, False).look(whole)) == list(find("k", seeds, False).look(log))
