"""Columns of prompts and responses are guessed where names and values agree, and left out where they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators.chat_logs.guesses import guess

PROMPTS = [f"What is the capital of country number {number}?" for number in range(8)]
RESPONSES = [f"That is the city of the number {number}, I think." for number in range(8)]
NO_TEXTS = {
    "few names": ["gpt-4", "claude-2"] * 4,
    "few texts": ["a question of the bill", "a question of the contract"] * 4,
    "short names": ["Anna", "Bert", "Cleo", "Dora", "Emil", "Fritz", "Gerd", "Hans"],
    "numbers": [str(number) for number in range(8)],
    "times": [f"2026-01-0{number + 1} 10:00:00" for number in range(8)],
    "ids": [f"q-{number}" for number in range(8)],
}


@pytest.mark.parametrize("no_texts", NO_TEXTS)
@pytest.mark.parametrize("name", ["response", "Bot", "answer", "model", "Antwort"])
def test_a_column_without_texts_is_never_guessed(name: str, no_texts: str) -> None:
    assert guess({"question": PROMPTS, name: NO_TEXTS[no_texts]}) == {"prompt": "question"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("prompt", "response"), True),
        (("Input", "Output"), True),
        (("question", "reply"), True),
        (("User question", "Bot Answer"), True),
        (("userMessage", "botMessage"), True),
        (("User", "Assistant"), True),
        (("Pregunta", "Respuesta"), True),
        (("left", "right"), False),
        (("question type", "answer id"), False),
    ],
)
def test_names_of_columns_with_texts_are_guessed(names: tuple[str, str], expected: bool) -> None:
    found = guess({"Bot name": NO_TEXTS["few names"], names[0]: PROMPTS, names[1]: RESPONSES})
    assert found == ({"prompt": names[0], "response": names[1]} if expected else {})


def test_of_two_columns_that_may_be_meant_none_is_guessed() -> None:
    assert guess({"question": PROMPTS, "Answer A": RESPONSES, "Answer B": RESPONSES}) == {
        "prompt": "question"
    }


@given(
    st.dictionaries(
        st.text(max_size=12) | st.sampled_from(["prompt", "Bot", "user text", "answer", ""]),
        st.lists(st.text(max_size=20) | st.integers() | st.lists(st.integers()), max_size=5),
        max_size=6,
    )
)
def test_any_columns_give_different_guesses_among_them(values: dict[str, list[object]]) -> None:
    found = guess(dict(values))
    assert set(found.values()) <= set(values)
    assert len(set(found.values())) == len(found)
