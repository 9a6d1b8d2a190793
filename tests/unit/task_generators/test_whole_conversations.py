"""Tasks about whole conversations, and about the responses of one together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators import candidates as finding
from task_generators.select import Known
from task_generators.selections import Selections, Selectors
from tests.sample_records import NOW, chat, seeds_of, siblings
from tests.unit.task_generators.test_asked import not_asked
from tests.unit.task_generators.test_select import labelled, rows
from workspaces.config import SelectConfig
from workspaces.records import Conversation, Message, Role, Significance, Task, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from task_generators.candidates import TaskCandidate

C, R, S = "conversation_rating", "response_rating", "safety"


def found(kind: str, *logs: Conversation, without: Iterable[str] = ()) -> list[TaskCandidate]:
    seeds = {name: seed for name, seed in seeds_of(logs).items() if name not in without}
    return list(finding.candidates([kind], logs, seeds))


def made(candidate: TaskCandidate) -> Task:
    return Task(
        id=candidate.id, kind=candidate.kind, message_ids=candidate.message_ids,
        conversation_ids=candidate.conversation_ids, significance=candidate.significance, quote={},
        rules_version="1", platform="argilla", overlap=3, created_at=NOW,
    )  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> Conversation:
    """A tree in which people and models take turns; some answers are empty."""
    messages = [Message("t#0", None, Role.USER, "Hi")]
    for number in range(1, draw(st.integers(1, 40))):
        parent = draw(st.sampled_from(messages))
        role = Role.USER if parent.role is Role.ASSISTANT else Role.ASSISTANT
        messages.append(Message(f"t#{number}", parent.id, role, draw(st.sampled_from(["", "text", "more"]))))
    return Conversation("t", tuple(messages), source="test logs")


@given(trees(), st.sets(st.integers(0, 40)))
def test_every_response_with_text_and_a_seed_is_in_exactly_one_task_along_one_branch(
    tree: Conversation, unseeded: set[int]
) -> None:
    without = {f"t#{number}" for number in unseeded}
    some = found(R, tree, without=without)
    names = [name for each in some for name in each.message_ids]
    assert sorted(names) == sorted(
        message.id for message in tree.responses() if message.content and message.id not in without
    )
    for each in some:
        assert 1 <= len(each.message_ids) <= 10
        path = [message.id for message in tree.path_to(each.message_ids[-1])]
        assert [name for name in path if name in each.message_ids] == list(each.message_ids)
        assert each.conversation_ids == ("t",) * len(each.message_ids)


@given(trees(), st.sets(st.integers(0, 40)))
def test_responses_that_get_their_seed_later_are_asked_about_once_beside_the_others(
    tree: Conversation, unseeded: set[int]
) -> None:
    first = found(R, tree, without={f"t#{number}" for number in unseeded})
    later = not_asked(map(made, first), found(R, tree))
    names = [name for each in (*first, *later) for name in each.message_ids]
    assert sorted(names) == sorted(message.id for message in tree.responses() if message.content)
    assert not {each.id for each in first} & {each.id for each in later}
    assert not_asked(map(made, [*first, *later]), found(R, tree)) == []


def test_a_long_conversation_is_several_tasks() -> None:
    log = chat("c", *(f"text {number}" for number in range(46)))
    assert [len(each.message_ids) for each in found(R, log)] == [10, 10, 3]


def test_a_conversation_is_asked_about_once_along_the_branch_written_last_to_its_end() -> None:
    log = chat("c", "q1", "a1", "q2", "a2", "thanks")
    (one,) = found(C, log)
    assert (one.message_ids, one.conversation_ids) == (("c#4",), ("c",))
    assert [each.message_ids for each in found(C, siblings("t", "why?", "one", "two"))] == [("t#2",)]
    assert not_asked([replace(made(one), message_ids=("gone",))], [one]) == []
    assert found(C, chat("d", "only a question")) == []
    assert found(C, chat("e", "q", "a"), without={"e#1"}) == []


def test_a_conversation_is_as_significant_as_its_most_significant_response() -> None:
    log = chat("c", "q1", "a1", "q2", "a2")
    seeds = seeds_of([log], Significance.LOW)
    seeds["c#1"] = replace(seeds["c#1"], significance=Significance.HIGH)
    for kind in (C, R):
        (one,) = finding.candidates([kind], [log], seeds)
        assert one.significance is Significance.HIGH


def selections(*logs: Conversation, **rules: object) -> Selections:
    selectors = Selectors(SelectConfig.model_validate({"near_duplicates": "all"} | rules), Known())
    selectors.look(rows(*logs))
    return selectors.selections()


def shown(found: Selections, kind: str, log: Conversation) -> list[str]:
    view = found.shown(kind, log)
    return [] if view is None else [message.id for message in view.messages]


@pytest.mark.parametrize(
    ("opened", "visible"),
    [
        ((), 2),
        (("moderation",), 6),
        (("moderation:violence",), 4),
        (("toxic",), 2),
        (("moderation:hate",), 2),
    ],
)
def test_flagged_messages_are_shown_by_the_kind_that_they_are_opened_to_and_by_no_other(
    opened: tuple[str, ...], visible: int
) -> None:
    log = labelled(
        chat("c", "a first question", "a1", "q2", "a2", "q3", "a3"),
        None,
        None,
        "violence",
        None,
        "hate",
        None,
    )
    both = selections(log, show_flagged={S: opened})
    names = [message.id for message in log.messages]
    assert shown(both, S, log) == names[:visible]
    assert shown(both, R, log) == shown(both, "qualitative", log) == names[:2]
    assert shown(both, C, log) == [], "a part of a conversation is no whole one"


def test_a_conversation_that_is_flagged_as_a_whole_is_read_for_the_kind_that_may_show_it() -> None:
    log = labelled(chat("c", "a first question", "a1"), "hate", None)
    plain = chat("d", "a second question", "a2")
    assert selections(log, plain).shown_at_all().tolist() == [False, True]
    opened = selections(log, plain, show_flagged={S: ["moderation"]})
    assert opened.shown_at_all().all()
    assert opened.usual.omissions == {"c": "moderation"}
    made_of = finding.candidates([S, R], [log, plain], seeds_of([log, plain]), shown=opened.shown)
    assert sorted((each.kind, each.conversation_ids[0]) for each in made_of) == [(R, "d"), (S, "c"), (S, "d")]
    task = replace(made(found(S, log)[0]), id=stable_id("x"))
    assert opened.takes(task)
    assert not opened.takes(replace(task, kind="qualitative"))
