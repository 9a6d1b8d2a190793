"""Curation and labelling: flags of a message, the rows that a source's rules omit, and the account of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from task_generators.chat_logs.batches import Batch, batch_of, readings_in
from task_generators.chat_logs.curation import clean, tag
from task_generators.chat_logs.curation.flags import message_flags
from task_generators.chat_logs.curation.languages import language_of
from task_generators.chat_logs.readers import Feedback, Reading
from task_generators.labelling.challenge import Criterion, HeuristicJudge
from task_generators.labelling.topics import Prompt, fit_by_language, fit_topics
from tests.sample_records import chat, siblings
from workspaces.records import Message, Role, ToolCall

if TYPE_CHECKING:
    from pydantic import JsonValue

    from workspaces.records import Conversation


def flags_of(answer: str) -> list[str]:
    [flags] = message_flags([Role.ASSISTANT.value], pa.array([answer]), pa.nulls(1, pa.list_(pa.string())))
    return flags


@pytest.mark.parametrize(
    "answer",
    [
        "I am Claude, an AI assistant.",
        "Hello! I'm ChatGPT, how can I help?",
        "As a large language model trained by OpenAI, I cannot browse.",
        "My name is Vicuna, and I'm a language model developed by LMSYS.",
        "I am an AI assistant created by Anthropic.",
        "I was trained by Google on much text.",
        "As PaLM 2 I answer.",
    ],
)
def test_an_answer_that_says_who_it_is_leaks_its_identity(answer: str) -> None:
    assert flags_of(answer) == ["identity_leak"]


@pytest.mark.parametrize(
    "answer",
    [
        "Cut the leaves of the palm tree in spring.",
        "As palm trees grow, their trunks do not widen.",
        "Koala bears sleep twenty hours. I am sure of it.",
        "You can ask ChatGPT or Claude about it.",
        "I am Claude Monet, painter of water lilies.",
        "As Claude's answer says, it rains.",
        "The bard sang. I am a bard.",
        "This app was built by Google engineers.",
        "OpenAI was founded in 2015.",
        "",
    ],
)
def test_a_mention_or_a_word_inside_another_is_no_leak(answer: str) -> None:
    assert "identity_leak" not in flags_of(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot assist with this request.",
        "As an AI language model, I do not have opinions, so no.",
        "I'm unable to provide that; it goes against my guidelines, and I won't.",
        "I\u2019m sorry, but I can\u2019t do that.",
    ],
)
def test_an_answer_that_declines_is_a_refusal(answer: str) -> None:
    assert "refusal" in flags_of(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Sorry for the wait! Here is the code.",
        "You cannot divide by zero.",
        "Rust won't compile this.",
        "A long answer. " * 60 + "I cannot assist with this request.",
        "",
    ],
)
def test_an_answer_that_helps_is_none(answer: str) -> None:
    assert "refusal" not in flags_of(answer)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I bake bread without yeast at home?", "en"),
        ("Wie backe ich zu Hause Brot ohne Hefe?", "de"),
        ("¿Cómo puedo hacer pan sin levadura en casa?", "es"),
        ("如何在家不用酵母做面包？", "zh"),
        ("自宅でイーストなしでパンを焼くには？", "ja"),
        ("Как испечь хлеб без дрожжей дома?", "ru"),
        ("ok", None),
        ("12345 67890 ---", None),
        ("", None),
        ("\n\n", None),
    ],
)
def test_the_language_of_a_text_is_told_or_left_open(text: str, language: str | None) -> None:
    assert language_of(text) == language


def batch(*conversations: Conversation, form: str | None = None) -> Batch:
    rows = batch_of(range(1, len(conversations) + 1), [Reading(each) for each in conversations])
    return Batch(rows, format=form)


def test_tags_stand_with_the_message_and_are_summed_up_for_the_conversation() -> None:
    labels: list[JsonValue] = [
        {"flagged": False},
        {"flagged": True, "categories": {"hate/threatening": True, "violence": False}},
    ]
    one = replace(
        chat("one", "Tell me who you are, please", "I am Claude, and I am sorry, but I cannot help."),
        conversation_metadata={"openai_moderation": labels},
    )
    two = replace(
        chat("two", "Bonjour, comment allez-vous aujourd'hui ?", ""), conversation_metadata={"toxic": True}
    )
    rows = tag(batch(one, two, chat("three", "hi", "hello"))).rows.to_pylist()
    assert rows[0]["flags"] == ["identity_leak", "moderation", "moderation:hate_threatening", "refusal"]
    assert [message["flags"] for message in rows[0]["conversation"]] == [
        [],
        ["identity_leak", "refusal", "moderation", "moderation:hate_threatening"],
    ]
    assert rows[1]["flags"] == ["empty", "toxic"]
    assert [message["language"] for message in rows[1]["conversation"]] == ["fr", None]
    assert [row["detected_language"] for row in rows] == ["en", "fr", None]
    assert rows[2]["flags"] == ["trivial"]
    assert [(row["turns"], row["words"]) for row in rows] == [(1, 17), (1, 6), (1, 2)]


def test_labels_that_are_not_one_a_message_belong_to_the_conversation() -> None:
    labels: list[JsonValue] = [{"flagged": True, "categories": ["self_harm"]}]
    it = replace(
        chat("c", "a question of some length", "an answer"),
        conversation_metadata={"openai_moderation": labels},
    )
    (row,) = tag(batch(it)).rows.to_pylist()
    assert row["flags"] == ["moderation", "moderation:self_harm"]
    assert [message["flags"] for message in row["conversation"]] == [[], []]


def turns(name: str, *said: tuple[Role, str]) -> Conversation:
    messages = [
        Message(f"{name}#{at}", f"{name}#{at - 1}" if at else None, role, text)
        for at, (role, text) in enumerate(said)
    ]
    return replace(chat(name, "x"), messages=tuple(messages))


USER, MODEL, SYSTEM = Role.USER, Role.ASSISTANT, Role.SYSTEM


def test_sharegpt_is_trimmed_to_questions_with_answers_and_the_rest_accounted_for() -> None:
    logs = [
        turns("good", (USER, "a question of mine"), (MODEL, "an answer")),
        turns(
            "edges",
            (SYSTEM, "be brief"),
            (MODEL, "hi"),
            (USER, "a long question"),
            (MODEL, "answer"),
            (USER, "?"),
        ),
        turns(
            "stops",
            (USER, "a long question"),
            (MODEL, "answer"),
            (USER, "more"),
            (MODEL, " "),
            (USER, "x"),
            (MODEL, "y"),
        ),
        turns("twice", (USER, "a long question"), (USER, "another"), (MODEL, "answer")),
        turns("short", (USER, "a"), (MODEL, "b")),
        turns("alone", (MODEL, "nobody asked")),
        siblings("tree", "a question of mine", "one", "two"),
    ]
    found = clean(batch(*logs, form="sharegpt"))
    kept = {each.conversation.id: each.conversation for each in readings_in(found.rows)}
    assert [message.content for message in kept["edges"].messages] == [
        "be brief",
        "a long question",
        "answer",
    ]
    assert [message.parent_id for message in kept["edges"].messages] == [None, "edges#0", "edges#2"]
    assert [message.content for message in kept["stops"].messages] == ["a long question", "answer"]
    assert kept["good"] == logs[0]
    assert kept["tree"] == logs[6]
    assert [(each.line, each.kind, each.reason) for each in found.omissions] == [
        (4, "cleaned", "person and model do not take turns"),
        (5, "cleaned", "shorter than 16 characters"),
        (6, "cleaned", "no question with an answer"),
    ]
    assert found.rows.column("line").to_pylist() == [1, 2, 3, 7]


def test_feedback_on_a_message_that_was_trimmed_goes_with_it() -> None:
    log = turns("c", (USER, "a long question"), (MODEL, "answer"), (USER, "more"), (MODEL, ""))
    kept, gone = (Feedback("ada", "qualitative", (f"c#{at}",), {"helpful": "yes"}, None) for at in (1, 3))
    found = clean(Batch(batch_of([1], [Reading(log, (kept, gone))]), format="sharegpt"))
    assert [each.feedback for each in readings_in(found.rows)] == [(kept,)]


def test_other_sources_are_left_as_they_are() -> None:
    given = batch(turns("c", (MODEL, "x")), form="sharelm")
    assert clean(given) is given


def test_the_stand_in_counts_criteria_and_says_that_it_is_one() -> None:
    judge = HeuristicJudge()
    assert "heuristic" in judge.agent
    assert judge.judge("hi") == ()
    hard = "Debug my SQL query: why does the regression return 3 rows? It must return at least 5 as a table."
    assert {Criterion.SPECIFICITY, Criterion.PROBLEM_SOLVING, Criterion.REAL_WORLD} <= set(judge.judge(hard))
    assert set(judge.judge(hard * 5)) <= set(Criterion)


def test_topics_tell_subjects_apart_and_are_the_same_every_time() -> None:
    bread = [f"bake bread with flour and yeast dough number {n % 7}" for n in range(40)]
    code = [f"python function raises exception in loop number {n % 7}" for n in range(40)]
    first, second = (fit_topics([*bread, *code]) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.entries == second.entries
    assert set(first.of(bread)).isdisjoint(first.of(code))
    assert all(set(entry.label.split(", ")) <= set(entry.terms) for entry in first.entries)
    assert fit_topics(["too few"] * 5) is None
    assert fit_topics(["1 2 3"] * 40) is None


def test_each_language_has_topics_of_its_own_and_rare_ones_share_one() -> None:
    def said(language: str | None, *subjects: str) -> list[Prompt]:
        return [Prompt(f"{subject} number {n % 7}", language) for subject in subjects for n in range(40)]

    english = said("en", "bake bread with flour and yeast dough", "python function raises exception in loop")
    german = said("de", "backe brot mit mehl und hefe", "funktion wirft ausnahme in schleife")
    rare = said("fr", "bonjour")[:5] + said("it", "ciao")[:4]
    english += english[:3]
    unknown = said(None, "bake bread with flour and yeast dough")[:3]
    fitted = fit_by_language([*english, *german, *rare, *unknown])
    assert fitted is not None
    numbers = {name: set(fitted.of(some)) for name, some in
               {"en": english, "de": german, "rare": rare, "unknown": unknown}.items()}  # fmt: skip
    assert numbers["en"].isdisjoint(numbers["de"])
    assert numbers["unknown"] <= numbers["en"], (
        "a language that nobody can tell counts as the most frequent one"
    )
    (others,) = numbers["rare"]
    languages = {entry.number: (entry.language, entry.label) for entry in fitted.entries}
    assert others is not None
    assert languages[others] == (None, "other languages")
    assert [number for number, _ in sorted(languages.items())] == list(range(len(languages)))
    for language in ("en", "de"):
        for number in numbers[language]:
            assert number is not None
            assert languages[number][0] == language
            assert languages[number][1].endswith(f" ({language})")
    alone = fit_by_language(english)
    plain = fit_topics([prompt.text for prompt in english])
    assert alone is not None
    assert plain is not None
    assert alone.entries == plain.entries, "with one language nothing is said of it"


def test_labels_of_a_log_survive_as_json() -> None:
    given = replace(chat("c", "q", "a"), conversation_metadata={"openai_moderation": [{"flagged": True}]})
    assert (
        json.loads(batch(given).rows.column("conversation_metadata")[0].as_py())
        == given.conversation_metadata
    )


def test_calls_of_tools_do_not_break_the_turns_of_a_shared_chat() -> None:
    call = ToolCall("clock", '{"city": "Lima"}')
    said = [
        Message("s#0", None, Role.USER, "What time is it in Lima?"),
        Message("s#1", "s#0", Role.ASSISTANT, "", tool_calls=(call,)),
        Message("s#2", "s#1", Role.TOOL, "08:15"),
        Message("s#3", "s#2", Role.ASSISTANT, "I look again.", tool_calls=(call,)),
        Message("s#4", "s#3", Role.TOOL, "08:16"),
        Message("s#5", "s#4", Role.ASSISTANT, "Sixteen past eight."),
    ]
    ending = [*said, Message("s#6", "s#5", Role.ASSISTANT, "", tool_calls=(call,))]
    for messages in (said, ending):
        log = replace(chat("s", "q", "a"), messages=tuple(messages), source="sharegpt")
        batch = clean(Batch(batch_of([1], [Reading(log)]), format="sharegpt"))
        (kept,) = readings_in(batch.rows)
        assert kept.conversation.messages == tuple(said)
