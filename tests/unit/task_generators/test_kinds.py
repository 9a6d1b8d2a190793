"""The kinds of tasks: what they are made of, and what an annotator sees of them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from task_generators import candidates as finding
from task_generators.content import content_of, opinion_of
from task_generators.shown import turns_of
from tests.sample_records import NOW, chat, seeds_of, siblings, task
from workspaces.forms import Form, TaskContent
from workspaces.kinds import ChoiceQuestion, TextQuestion, asked_kinds, kind_of
from workspaces.records import (
    Attachment,
    Conversation,
    Message,
    Preference,
    Quality,
    Role,
    SeedFeedback,
    Significance,
    Tag,
    Task,
    ToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from task_generators.candidates import TaskCandidate

Q, P = "qualitative", "preference"


def candidates(
    kind: str,
    *conversations: Conversation,
    seeds: Mapping[str, SeedFeedback] | None = None,
    trivial: bool = False,
) -> list[TaskCandidate]:
    given = seeds_of(conversations) if seeds is None else seeds
    return list(finding.candidates([kind], conversations, given, trivial=trivial))


def shown(candidate: TaskCandidate, *conversations: Conversation) -> TaskContent:
    task = Task(
        id=candidate.id,
        kind=candidate.kind,
        message_ids=candidate.message_ids,
        conversation_ids=candidate.conversation_ids,
        significance=candidate.significance,
        quote={"part": 3},
        rules_version="1",
        platform="argilla",
        overlap=3,
        created_at=NOW,
    )
    return content_of(task, {each.id: each for each in conversations})


def rewritten(conversation: Conversation) -> Conversation:
    """Return a conversation with an annotator's rewrite of its first response."""
    response = conversation.responses()[0]
    rewrite = replace(
        response, id="rewrite", content="A better response.", model_name=None, rewrite_of=response.id
    )
    return replace(conversation, messages=(*conversation.messages, rewrite))


def compared(*conversations: Conversation) -> set[frozenset[str]]:
    return {frozenset(each.message_ids) for each in candidates(P, *conversations)}


def test_every_response_with_seed_feedback_is_a_qualitative_candidate() -> None:
    log = chat("c", "q1", "a1", "q2", "a2")
    assert [each.message_ids for each in candidates(Q, log)] == [("c#1",), ("c#3",)]
    seeds = seeds_of([log])
    del seeds["c#1"]
    assert [each.message_ids for each in candidates(Q, log, seeds=seeds)] == [("c#3",)]


def test_a_blank_response_is_no_candidate_of_any_kind() -> None:
    tree = siblings("t", "why?", "an answer", " \n\t", "")
    assert [each.message_ids for each in candidates(Q, tree)] == [("t#1",)]
    assert candidates(P, tree) == []


def test_attention_checks_are_asked_on_request_beside_the_plain_pairs() -> None:
    tree = siblings("t", "why?", "an answer", "an answer ", "")
    plain = siblings("t", "why?", "an answer", "another")
    asked = candidates(P, tree, trivial=True)
    assert {frozenset(each.message_ids) for each in asked} == {
        frozenset({"t#1", "t#2"}),
        frozenset({"t#1", "t#3"}),
        frozenset({"t#2", "t#3"}),
    }
    assert len({each.id for each in asked}) == 3
    assert len(candidates(Q, tree, trivial=True)) == 3
    assert candidates(P, plain, trivial=True) == candidates(P, plain)


def test_a_response_to_nothing_is_no_candidate() -> None:
    greeting = Conversation("g", (Message("g#0", None, Role.ASSISTANT, "Hello!"),), source="s")
    other = Conversation("h", (Message("h#0", None, Role.ASSISTANT, "Hi!"),), source="s")
    assert candidates(Q, greeting) == []
    assert candidates(P, greeting, other) == []


def test_siblings_in_one_tree_are_compared() -> None:
    assert compared(siblings("t", "why?", "a", "b", "c")) == {
        frozenset({"t#1", "t#2"}),
        frozenset({"t#1", "t#3"}),
        frozenset({"t#2", "t#3"}),
    }


def test_conversations_that_begin_alike_are_compared_where_they_part() -> None:
    one, two = chat("c", "q1", "a1", "q2", "a2"), chat("d", "q1", "a1", "q2", "other", "q3", "a3")
    assert compared(one, two) == {frozenset({"c#3", "d#3"})}
    assert compared(one, chat("d", "q1", "other")) == {frozenset({"c#1", "d#1"})}
    assert compared(one, chat("d", "Q1", "other")) == set()
    system = Conversation(
        "s",
        (
            Message("s#0", None, Role.SYSTEM, "be rude"),
            Message("s#1", "s#0", Role.USER, "q1"),
            Message("s#2", "s#1", Role.ASSISTANT, "other"),
        ),
        source="s",
    )
    assert compared(one, system) == set()


def test_answers_of_a_tree_and_of_a_log_are_compared() -> None:
    assert compared(siblings("t", "why?", "a"), chat("c", "why?", "b")) == {frozenset({"t#1", "c#1"})}


@pytest.mark.parametrize("other", ["same text", " same text\n", "same text  \r\n"])
def test_answers_that_look_the_same_are_never_compared(other: str) -> None:
    assert compared(chat("c", "why?", "same text"), chat("d", "why?", other)) == set()


def test_answers_that_differ_in_indentation_are_compared() -> None:
    one, two = "if x:\n    y()\n    z()", "if x:\n    y()\nz()"
    assert len(compared(chat("c", "why?", one), chat("d", "why?", two))) == 1


def test_nobody_is_paid_twice_for_the_same_two_texts() -> None:
    copies = [chat(f"c{i}", "hi", "Hello!", f"question {i}", f"answer {i}") for i in range(5)]
    other = chat("d", "hi", "Good day.")
    made = candidates(P, *copies, other)
    assert [set(each.message_ids) for each in made] == [{"c0#1", "d#1"}]


def test_a_copy_that_comes_later_makes_no_new_task() -> None:
    logs = [chat("m", "hi", "Hello!", "more", "text"), chat("n", "hi", "Good day.")]
    earlier, later = chat("a", "hi", "Hello!", "x", "y"), chat("z", "hi", "Good day.", "x", "y")
    first = {each.id for each in candidates(P, *logs)}
    assert {each.id for each in candidates(P, earlier, *logs, later)} == first


def test_candidates_do_not_depend_on_the_order_of_the_logs() -> None:
    logs = [rewritten(siblings("t", "why?", "a", "b")), chat("c", "why?", "c"), chat("d", "why?", "b")]
    for kind in asked_kinds():
        forwards, backwards = candidates(kind, *logs), candidates(kind, *logs[::-1])
        assert sorted(forwards, key=lambda each: each.id) == sorted(backwards, key=lambda each: each.id)
        assert len({each.id for each in forwards}) == len(forwards)


def test_the_display_order_is_stable_and_about_half_of_the_pairs_are_turned() -> None:
    logs = [siblings(f"t{i}", f"question {i}", f"first {i}", f"second {i}") for i in range(600)]
    made = candidates(P, *logs)
    assert made == candidates(P, *logs)
    first = sum(each.message_ids[0].endswith("#1") for each in made)
    assert first == pytest.approx(300, abs=49)  # 4 standard deviations
    for each in made[:20]:
        assert each.conversation_ids == tuple(message_id.split("#")[0] for message_id in each.message_ids)


def test_neither_answer_is_favoured_by_its_text() -> None:
    logs = [siblings(f"t{i}", f"question {i}", f"zzz {i}", f"aaa {i}") for i in range(600)]
    texts = [shown(each, *logs).chats["answer_a"][0].text for each in candidates(P, *logs)]
    assert sum(text.startswith("aaa") for text in texts) == pytest.approx(300, abs=49)


def test_a_pair_is_as_significant_as_its_more_significant_answer() -> None:
    tree = siblings("t", "why?", "a", "b")
    seeds = seeds_of([tree], Significance.LOW)
    for level in Significance:
        seeds["t#2"] = replace(seeds["t#2"], significance=level)
        assert [each.significance for each in candidates(P, tree, seeds=seeds)] == [level]


def test_a_qualitative_task_shows_the_messages_before_and_the_response() -> None:
    log = chat("c", "q1", "a1", "q2", "a2")
    content = shown(candidates(Q, log)[1], log)
    assert [(turn.speaker, turn.text) for turn in content.chats["conversation"]] == [
        ("Person", "q1"),
        ("Model", "a1"),
        ("Person", "q2"),
    ]
    assert [(turn.speaker, turn.text) for turn in content.chats["response"]] == [("Model", "a2")]


def test_a_preference_task_shows_the_answers_on_the_sides_its_ids_say() -> None:
    logs = [siblings(f"t{i}", "why?", f"one {i}", f"two {i}") for i in range(2)]
    texts = {message.id: message.content for log in logs for message in log.messages}
    for each in candidates(P, *logs):
        content = shown(each, *logs)
        sides = [content.chats[name][0].text for name in ("answer_a", "answer_b")]
        assert sides == [texts[message_id] for message_id in each.message_ids]
        assert [turn.text for turn in content.chats["conversation"]] == ["why?"]


@pytest.mark.parametrize("kind", asked_kinds())
def test_what_is_shown_carries_no_model_no_seed_and_no_id_but_the_tasks(kind: str) -> None:
    tree = replace(
        siblings("secret-id", "why?", "one", "two", "three"),
        source="secret-source",
        model_name="secret-model",
        giver_id="secret-giver",
        user_metadata={"x": "secret-user"},
        conversation_metadata={"x": "secret-title"},
    )
    tree = replace(
        tree, messages=tuple(replace(message, model_name="secret-model") for message in tree.messages)
    )
    seeds = {
        key: replace(seed, agent="secret-agent", prompt_version="secret-version")
        for key, seed in seeds_of([tree]).items()
    }
    if kind_of(kind).judges_rewrites:
        tree = rewritten(tree)
    made = candidates(kind, tree, seeds=seeds)
    assert made
    for each in made:
        content = asdict(shown(each, tree))
        assert content.pop("task_id") == each.id
        assert "secret" not in str(content)
        assert content.pop("opinion") == {}
        assert set(content) == {
            "chats", "significance", "quote", "language", "quote_texts", "paid_people", "prefilled",
        }  # fmt: skip


@pytest.mark.parametrize("kind", asked_kinds())
def test_a_task_over_a_conversation_that_is_no_longer_shared_cannot_be_shown(kind: str) -> None:
    tree = rewritten(siblings("t", "why?", "one", "two", "three"))
    with pytest.raises(KeyError):
        shown(candidates(kind, tree)[0])


@pytest.mark.parametrize("kind", asked_kinds())
def test_a_form_has_guidelines_and_a_place_for_all_that_is_shown(kind: str) -> None:
    tree = rewritten(siblings("t", "why?", "one", "two", "three"))
    task = candidates(kind, tree)[0]
    asked = kind_of(kind).showing(len(task.message_ids))
    form = Form.of(asked)
    assert form.container in kind_of(kind).forms
    assert len(form.guidelines) > 300
    assert form.guidelines.startswith("## ")
    content = shown(task, tree)
    assert list(content.chats) == [place.name for place in form.fields]
    assert set(form.side_by_side) <= set(content.chats)
    assert set(content.quote_texts) == {part.name for part in asked.parts}


def test_the_questions_are_the_six_qualities_and_an_optional_suggestion() -> None:
    *qualities, suggestion = Form.of(kind_of(Q)).questions
    assert [question.name for question in qualities] == [quality.value for quality in Quality]
    for question in qualities:
        assert isinstance(question, ChoiceQuestion)
        assert question.required
        assert set(question.options) == {tag.value for tag in Tag}
    assert isinstance(suggestion, TextQuestion)
    assert not suggestion.required


def test_the_question_of_a_preference_offers_a_tie_in_the_middle() -> None:
    (question,) = Form.of(kind_of(P)).questions
    assert isinstance(question, ChoiceQuestion)
    assert list(question.options) == [Preference.A.value, Preference.TIE.value, Preference.B.value]
    assert question.required


def test_a_turn_says_who_speaks_whatever_it_holds() -> None:
    message = Message(
        "m#1",
        "m#0",
        Role.ASSISTANT,
        "text",
        reasoning="why",
        tool_calls=(ToolCall("f"),),
        attachments=(Attachment("image"),),
    )
    turns = list(turns_of(message))
    assert [turn.speaker for turn in turns] == [
        "Model, thinking",
        "Model",
        "Model, attaching",
        "Model, calling",
    ]
    assert {turn.role for turn in turns} == {Role.ASSISTANT}


def test_nothing_beside_the_text_tells_a_rewrite_from_the_response() -> None:
    picture = (Attachment("image"),)
    response = Message(
        "m#1", "m#0", Role.ASSISTANT, "\n A response. ", "model", reasoning="why", tool_calls=(ToolCall("f"),),
        attachments=picture,
    )  # fmt: skip
    rewrite = Message("w", "m#0", Role.ASSISTANT, "A rewrite.", attachments=picture, rewrite_of="m#1")
    log = Conversation("m", (Message("m#0", None, Role.USER, "A question?"), response, rewrite), "s")
    shown = content_of(
        replace(
            task("t", {"suggestion_check": 4}, kind="suggestion_check"),
            conversation_ids=("m", "m"),
            message_ids=("m#1", "w"),
        ),
        {"m": log},
    )
    left, right = (shown.chats[name] for name in ("answer_a", "answer_b"))
    assert [replace(turn, text=turn.text.replace("response", "rewrite")) for turn in left] == list(right)


@pytest.mark.parametrize("applying", [*Quality, None])
def test_an_opinion_shows_what_applies_and_that_nothing_applies_is_no_opinion(
    applying: Quality | None,
) -> None:
    log = chat("c", "q", "a")
    tags = {quality: Tag.YES if quality is applying else Tag.NA for quality in Quality}
    seed = replace(seeds_of([log])["c#1"], tags=tags)
    opinion = opinion_of(kind_of(Q), seed)
    assert list(opinion.values()) == ([] if applying is None else ["Yes"])
    content = content_of(
        replace(task("t", {"qualities": 6}), conversation_ids=("c",), message_ids=("c#1",)), {"c": log}, seed
    )
    assert bool(content.opinion_line) == (applying is not None)
    assert "N/A" not in content.opinion_line
