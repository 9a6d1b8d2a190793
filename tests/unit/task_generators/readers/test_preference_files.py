"""Preference and label files are told apart, whatever names their prompts have."""

from __future__ import annotations

from typing import Any

import pytest

from task_generators.chat_logs import readers
from task_generators.chat_logs.readers.transcripts import turns_in

ASKED = {"role": "user", "content": "Which way is north?"}
GOOD = {"role": "assistant", "content": "Where the moss grows."}
BAD = {"role": "assistant", "content": "Up."}
SCORES = dict.fromkeys(("helpfulness", "correctness", "coherence", "complexity", "verbosity"), 3)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("preference", {"prompt": "Which way?", "chosen": "There", "rejected": "Up"}),
        ("preference", {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]}),
        ("preference", {"messages": [ASKED], "chosen": GOOD, "rejected": BAD}),
        ("hh-rlhf", {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"}),
        ("kto", {"messages": [ASKED, GOOD], "label": True}),
        ("kto", {"prompt": "Which way?", "completion": "Up", "label": False}),
        ("openai", {"messages": [ASKED, GOOD]}),
        ("csv", {"prompt": "Which way?", "response": "Up", "thumb": "down"}),
        ("helpsteer", {"prompt": "Which way?", "response": "Up", **SCORES}),
        (
            "helpsteer-preference",
            {"prompt": "Which way?", "response_1": "There", "response_2": "Up", "preference_strength": -2},
        ),
        ("alpaca", {"instruction": "Which way?", "input": "", "output": "Up"}),
        ("kto", {"instruction": "Which way?", "input": "", "output": "Up", "kto_tag": False}),
        (
            "openai-preference",
            {"input": {"messages": [ASKED]}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
        ),
        ("ranked-completions", {"context": [ASKED], "completions": [{"rank": 0, "completion": [GOOD]}]}),
    ],
)
def test_a_row_is_read_by_the_reader_of_its_format(name: str, row: dict[str, Any]) -> None:
    reader = readers.detect(row)
    assert reader is not None
    assert reader.name == name
    assert reader.losses(row, reader.read(row)) == []


@pytest.mark.parametrize(
    ("prompt", "turns"),
    [
        ("Which way?", [("user", "Which way?")]),
        ("user: not a transcript", [("user", "user: not a transcript")]),
        (
            "user: a\n\nassistant: b\n\nuser: c\n\nassistant:",
            [("user", "a"), ("assistant", "b"), ("user", "c")],
        ),
        (
            "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:",
            [("user", "a"), ("assistant", "b"), ("user", "c")],
        ),
        (
            "a\n<extra_id_1>Assistant\nb\n<extra_id_1>User\nc",
            [("user", "a"), ("assistant", "b"), ("user", "c")],
        ),
    ],
)
def test_a_prompt_of_several_turns_is_taken_apart(prompt: str, turns: list[tuple[str, str]]) -> None:
    assert [(turn["role"], turn["content"]) for turn in turns_in(prompt)] == turns
