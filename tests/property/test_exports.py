"""What holds for exports of any answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exports import Evidence, all_projections, contexts_of, projection_of
from exports.accounting import account
from exports.labelling import CompletionLabels, completion_labels
from exports.omissions import OmissionReason
from exports.order import spread
from exports.pairing import Pairs, preference_pairs
from exports.splits import SplitItem, assign_splits
from exports.weights import Weights
from tests.counted_words import disagreements
from workspaces.records import (
    Annotation,
    AnnotationStatus,
    Conversation,
    Message,
    Preference,
    Role,
    Significance,
    Tag,
    Task,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TEXTS = st.sampled_from(["one", "two", "two ", "", " ", "t\x00wo", "\ud800", "\udfff", "three\nlines"])
PROMPTS = st.sampled_from(["why?", "Why", "how?", ""])
DISPLAYED_THE_OTHER_WAY = {"a": "b", "b": "a"}

World = tuple[dict[str, Conversation], dict[str, Task], list[Annotation]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Conversations, tasks about them (some about a missing message), answers to these (some to none)."""
    conversations = {}
    for number in range(draw(st.integers(1, 3))):
        name = f"c{number}"
        turns = [Message(f"{name}u", None, Role.USER, draw(PROMPTS))]
        turns += [
            Message(f"{name}r{i}", f"{name}u", Role.ASSISTANT, text)
            for i, text in enumerate(draw(st.lists(TEXTS, min_size=1, max_size=3)))
        ]
        conversations[name] = Conversation(name, tuple(turns), source="any")
    responses = [message.id for chat in conversations.values() for message in chat.responses()]
    message_ids = st.sampled_from([*responses, "missing"])
    tasks = {}
    for number in range(draw(st.integers(0, 5))):
        shown = draw(st.lists(message_ids, min_size=1, max_size=2))
        tasks[f"t{number}"] = Task(
            id=f"t{number}",
            kind="preference" if len(shown) == 2 else "qualitative",
            message_ids=tuple(shown),
            conversation_ids=(),
            significance=Significance.LOW,
            quote={},
            rules_version="1",
            platform="argilla",
            overlap=1,
            created_at=NOW,
        )
    values = st.fixed_dictionaries(
        {},
        optional={
            "preference": st.sampled_from([*(each.value for each in Preference), "neither"]),
            "both_bad": st.just("yes"),
            "suggestion": TEXTS,
            **{name: st.sampled_from(list(Tag)) for name in ("helpful", "instruction", "factual", "toxic")},
        },
    )
    annotations = [
        Annotation(
            id=f"a{number}",
            task_id=draw(st.sampled_from([*tasks, "unknown"])),
            person_id=draw(st.sampled_from(["p0", "p1", "p2"])),
            platform="argilla",
            status=draw(st.sampled_from([AnnotationStatus.SUBMITTED] * 4 + [AnnotationStatus.DISCARDED])),
            revision=1,
            values=draw(values),
            updated_at=NOW + timedelta(minutes=draw(st.integers(0, 2))),
        )
        for number in range(draw(st.integers(0, 10)))
    ]
    return conversations, tasks, annotations


def pairs_of(world: World) -> Pairs:
    conversations, tasks, annotations = world
    return preference_pairs(tasks, annotations, contexts_of(conversations.values()), Weights({"p1": 0.25}))


def labels_of(world: World) -> CompletionLabels:
    conversations, tasks, annotations = world
    return completion_labels(tasks, annotations, contexts_of(conversations.values()), Weights({"p1": 0.25}))


@given(worlds())
def test_no_pair_prefers_a_text_to_itself_or_lacks_one(world: World) -> None:
    result = pairs_of(world)
    for pair in (*result.decided, *result.tied):
        assert pair.chosen.text.strip() != pair.rejected.text.strip()
        assert pair.chosen.text.strip()
        assert pair.rejected.text.strip()
        assert pair.prompt
    assert all(2 * pair.count(pair.winner) > len(pair.votes) for pair in result.decided)
    assert len({pair.pair_id for pair in (*result.decided, *result.tied)}) == len(
        result.decided + result.tied
    )


@given(worlds())
def test_display_order_never_matters(world: World) -> None:
    conversations, tasks, annotations = world
    turned = {name: replace(task, message_ids=task.message_ids[::-1]) for name, task in tasks.items()}
    answers = [
        replace(
            each,
            values={
                name: DISPLAYED_THE_OTHER_WAY.get(value, value) if name == "preference" else value
                for name, value in each.values.items()
            },
        )
        for each in annotations
    ]

    def seen(result: Pairs) -> list[object]:
        return [
            replace(pair, votes=tuple(vote._replace(shown_first=None) for vote in pair.votes))
            for pair in (*result.decided, *result.tied)
        ]

    assert seen(pairs_of(world)) == seen(pairs_of((conversations, turned, answers)))
    assert labels_of(world).rows == labels_of((conversations, turned, answers)).rows


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_never_matters(world: World, random: object) -> None:
    conversations, tasks, annotations = world
    shuffled = list(annotations)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = (dict(reversed(conversations.items())), dict(reversed(tasks.items())), shuffled)
    assert pairs_of(world) == pairs_of(again)
    assert labels_of(world) == labels_of(again)


@given(worlds())
def test_every_answer_and_task_is_in_a_row_or_in_the_ledger_of_drops(world: World) -> None:
    _, tasks, annotations = world
    pairs, labels = pairs_of(world), labels_of(world)
    in_pairs = {vote.annotation_id for pair in (*pairs.decided, *pairs.tied) for vote in pair.votes}
    in_labels = {verdict.annotation_id for row in labels.rows for verdict in row.verdicts}
    for used, omissions in ((in_pairs, pairs.omissions), (in_labels, labels.omissions)):
        dropped = Counter(
            omission.annotation_id for omission in omissions if omission.annotation_id is not None
        )
        assert set(dropped.values()) <= {1}
        assert not used & dropped.keys()
        assert used | dropped.keys() == {each.id for each in annotations}
        unanswered = {omission.task_id for omission in omissions if omission.annotation_id is None}
        assert unanswered == tasks.keys() - {each.task_id for each in annotations}


@given(worlds(), st.data(), st.sampled_from(sorted(all_projections())))
def test_every_judgment_and_every_item_is_accounted_for_once(
    world: World, data: st.DataObject, name: str
) -> None:
    conversations, tasks, annotations = world
    why = st.sampled_from([OmissionReason.OWN, OmissionReason.BARRED, OmissionReason.STRANGER])
    aside = {each.id: data.draw(why) for each in annotations if data.draw(st.booleans())}
    contexts = contexts_of(conversations.values())
    evidence = Evidence(tasks, annotations, contexts, Weights(), set_aside=aside)
    projection = projection_of(name)
    selection = projection.select(evidence)
    found = account(projection, selection, evidence)
    ends = (found.judgments_trained, *found.judgments_beside.values(), *found.judgments_left_out.values())
    assert sum(ends) == found.judgments == len(annotations)
    ends = (found.items_trained, *found.items_beside.values(), *found.items_left_out.values())
    assert sum(ends) == found.items
    for reason, count in Counter(aside.values()).items():
        assert found.judgments_left_out[reason.value] == count
    assert found.tasks_without_judgment == len(tasks.keys() - {each.task_id for each in annotations})
    said = "; ".join(
        [*found.sentences(), *found.reasons_of_items(), *found.reasons(), found.unanswered() or ""]
    )
    assert not disagreements(said)


@given(worlds())
def test_a_completion_has_one_label(world: World) -> None:
    rows = labels_of(world).rows
    assert len({(row.prompt, row.completion.text) for row in rows}) == len(rows)
    assert all(0 <= row.agreement <= 1 and row.completion.text.strip() for row in rows)


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from("uvwxyz"), min_size=1), st.sampled_from(["why", "Why?", "how", "?"])
        )
    ),
    st.floats(0, 1),
)
def test_splits_never_share_a_conversation_or_an_opening(
    rows: list[tuple[set[str], str]], share: float
) -> None:
    items = [
        SplitItem(str(number), tuple(chats), (("user", text),)) for number, (chats, text) in enumerate(rows)
    ]
    splits = assign_splits(items, share)
    assert splits == assign_splits(reversed(items), share)
    for one in items:
        for two in items:
            if set(one.conversation_ids) & set(two.conversation_ids) or one.prompt == two.prompt:
                assert splits[one.id] == splits[two.id]


@given(st.lists(st.sampled_from("abcd")))
def test_neighbours_of_one_prompt_remain_only_where_no_order_avoids_them(prompts: list[str]) -> None:
    by_id = {str(number): prompt for number, prompt in enumerate(prompts)}
    order = spread(by_id)
    assert sorted(order) == sorted(by_id)
    most = max(Counter(prompts).values(), default=0)
    neighbours = sum(by_id[one] == by_id[two] for one, two in pairwise(order))
    assert neighbours == max(0, 2 * most - 1 - len(prompts))
