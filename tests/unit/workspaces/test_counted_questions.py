"""Questions whose answers count as votes on something else: each of several responses, each of several options."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.kinds import (
    ChoiceQuestion,
    Kind,
    LabelRule,
    MultipleChoiceQuestion,
    PaidPart,
    TextQuestion,
    about_each,
    asked_kinds,
    joined,
    kind_of,
    paid_parts,
    registered,
)

HARM = MultipleChoiceQuestion(
    "harm", "Which?", "", {"hate": "Hate", "self-harm/intent": "Intent", "none": "None"}, none="none"
)
GOOD = ChoiceQuestion("good", "Good?", "", {"up": "Up", "down": "Down"}, label=LabelRule("down", "up"))
TOGETHER = Kind(
    "together",
    "Together",
    responses=4,
    fewest=2,
    questions=(*about_each(GOOD, 4, "Answer {number}"), TextQuestion("why", "Why?", "")),
    parts=tuple(
        PaidPart(f"good_{place}", (f"good_{place}",), 3, "each", "a thumb", rate="good")
        for place in (1, 2, 3, 4)
    ),
)
OPTIONS = st.sets(st.sampled_from(sorted(HARM.options)), min_size=1)


@given(OPTIONS)
def test_every_option_is_a_vote_of_its_own_unless_the_answer_contradicts_itself(options: set[str]) -> None:
    answer = joined(options)
    votes = {name: vote for name, _, vote in HARM.cast(answer, (), "m")}
    if "none" in options and len(options) > 1:
        assert not HARM.is_complete(answer)
        assert votes == {}
    else:
        assert HARM.is_complete(answer)
        assert votes.keys() == {question.name for question in HARM.counted}
        assert {name for name, vote in votes.items() if vote == "yes"} == {
            HARM.name_of(option) for option in options - {"none"}
        }


@given(st.permutations(["hate", "self-harm/intent"]), st.sampled_from([",", ", ", " ,"]))
def test_the_same_options_are_the_same_answer_in_whatever_order_they_are_written(
    options: list[str], comma: str
) -> None:
    assert HARM.canonical(comma.join(options)) == joined(HARM.options.keys() - {"none"})


@pytest.mark.parametrize("answer", ["", "nonsense", "hate,nonsense", None])
def test_what_is_none_of_the_options_counts_for_nothing(answer: str | None) -> None:
    assert not HARM.is_complete(answer)
    assert list(HARM.cast(answer or "", (), "m")) == []


def test_an_option_holds_no_comma() -> None:
    with pytest.raises(ValueError, match="no comma"):
        MultipleChoiceQuestion("q", "?", "", {"a,b": "A"})
    with pytest.raises(ValueError, match="none of its options"):
        MultipleChoiceQuestion("q", "?", "", {"a": "A"}, none="b")


@given(
    st.dictionaries(
        st.sampled_from(["good_1", "good_2", "good_3", "good_4"]), st.sampled_from(["up", "down"])
    )
)
def test_each_response_gets_the_vote_at_its_place_and_no_other(answers: dict[str, str]) -> None:
    shown = ("m7", "m3", "m5")
    votes = list(TOGETHER.votes(answers, shown))
    assert sorted(votes) == sorted(
        ("good", shown[place], answers[f"good_{place + 1}"])
        for place in range(3)
        if f"good_{place + 1}" in answers
    ), "the fourth place is not shown, whatever somebody writes there"
    assert TOGETHER.items(shown) == shown, "free text is about nothing that is counted"
    asked = TOGETHER.showing(3)
    assert [part.name for part in asked.parts if asked.is_done(part.name, answers)] == sorted(
        name for name in answers if name != "good_4"
    )


def test_a_task_with_fewer_responses_asks_and_pays_for_these_alone() -> None:
    asked = TOGETHER.showing(2)
    assert [question.name for question in asked.questions] == ["good_1", "good_2", "why"]
    assert [part.name for part in asked.parts] == ["good_1", "good_2"]
    assert list(TOGETHER.forms) == ["together_2", "together_3", "together_4"]
    assert list(TOGETHER.showing(3).settled_by("good_3", ("a", "b", "c"))) == [("good", "c")]
    for responses in (1, 5):
        with pytest.raises(ValueError, match="2 to 4 responses"):
            TOGETHER.showing(responses)


def test_a_kind_whose_tasks_all_show_as_many_has_one_form() -> None:
    kind = kind_of("preference")
    assert kind.showing(2) is kind
    assert list(kind.forms) == ["preference"]


def test_parts_that_share_a_rate_are_one_key_of_the_configuration() -> None:
    with registered(TOGETHER):
        assert "good" in paid_parts()
        assert not paid_parts().keys() & {part.name for part in TOGETHER.parts}
    with pytest.raises(ValueError, match="a response that no task shows"):
        replace(TOGETHER, responses=3)


def test_every_question_of_every_kind_can_be_found_by_the_name_that_its_votes_have() -> None:
    for kind in asked_kinds().values():
        for counted in kind.counted:
            assert kind.question(counted.name) == counted


def test_the_item_of_a_task_about_a_conversation_is_the_conversation() -> None:
    kind = kind_of("conversation_rating")
    assert kind.item(("m9",), ("c1",)) == "c1"
    assert kind.items(("m9",), ("c1",)) == ("c1",)
    given_ = {"conversation_thumb": "down", "conversation_reason": "It never answered."}
    assert list(kind.votes(given_, ("m9",), ("c1",))) == [("conversation_thumb", "c1", "down")]
    with pytest.raises(ValueError, match="unpack"):
        kind.item(("m9",))
