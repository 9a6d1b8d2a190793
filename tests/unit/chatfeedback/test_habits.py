"""Simulated annotators: invented people whose answers are drawn from what the sample's author judged."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from chatfeedback.demo.habits import CAREFUL, CONTRARY, HASTY, PEOPLE, SPAMMER, answer, load_truth
from task_generators.candidates import candidates
from task_generators.chat_logs.readers import sharelm
from task_generators.seed_feedback import HeuristicRater, unrated
from tests.sample_records import NOW
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion, asked_kinds
from workspaces.records import Preference, Quality, Tag, Task

if TYPE_CHECKING:
    from chatfeedback.demo.habits import Habit
    from workspaces.records import Conversation

TRUTH = load_truth()
OPPOSITE = {"yes": "no", "no": "yes", "a": "b", "b": "a"}


def sample() -> list[Conversation]:
    lines = (files("chatfeedback.demo") / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    return [sharelm.read(json.loads(line)).conversation for line in lines]


SAMPLE = sample()


def tasks(kind: str) -> list[Task]:
    rater = HeuristicRater(lambda: NOW)
    seeds = {path[-1].id: rater.rate(path) for path in unrated(SAMPLE, set())}
    return [
        Task(
            id=each.id,
            kind=kind,
            message_ids=each.message_ids,
            conversation_ids=each.conversation_ids,
            significance=each.significance,
            quote={},
            rules_version="1",
            platform="argilla",
            overlap=3,
            created_at=NOW,
        )
        for each in candidates([kind], SAMPLE, seeds)
    ]


QUALITATIVE, PREFERENCE = tasks("qualitative"), tasks("preference")


def true_preference(task: Task) -> str:
    first, second = (int(str(TRUTH[message_id]["score"])) for message_id in task.message_ids)
    return Preference.TIE if first == second else Preference.A if first > second else Preference.B


def agreement(habit: Habit) -> tuple[float, float]:
    """Return the shares of tags and of preferences that are the author's, over everybody with a habit."""
    people = [person for person in PEOPLE if person.habit == habit]
    tags = [
        answer(person, task, TRUTH)[quality.value] == TRUTH[task.message_ids[0]][quality.value]
        for person in people
        for task in QUALITATIVE
        for quality in Quality
    ]
    choices = [
        answer(person, task, TRUTH)["preference"] == true_preference(task)
        for person in people
        for task in PREFERENCE
    ]
    return sum(tags) / len(tags), sum(choices) / len(choices)


def test_sample_and_truth_fit_each_other() -> None:
    responses = {message.id for conversation in SAMPLE for message in conversation.responses()}
    assert set(TRUTH) == responses
    assert len({conversation.id for conversation in SAMPLE}) == len(SAMPLE) == 98


def test_every_judgment_is_complete() -> None:
    for message_id, row in TRUTH.items():
        assert 1 <= int(str(row["score"])) <= 5, message_id
        assert {row[quality.value] for quality in Quality} <= set(Tag), message_id
        if suggestion := row.get("suggestion"):
            assert len(str(suggestion)) > 20, message_id


def test_the_sample_makes_tasks_of_both_kinds_and_some_pairs_have_no_winner() -> None:
    assert len(QUALITATIVE) == len(TRUTH)
    won = Counter(true_preference(task) for task in PREFERENCE)
    assert min(won["a"], won["b"]) > 10
    assert won["tie"] > 0


def test_careful_people_mostly_agree_with_the_truth() -> None:
    tags, choices = agreement(CAREFUL)
    assert tags > 0.93
    assert choices > 0.93


def test_hasty_people_agree_less_and_contrary_ones_least() -> None:
    assert agreement(CAREFUL) > agreement(HASTY) > agreement(CONTRARY)
    assert 0.65 < agreement(HASTY)[0] < 0.9


def test_contrary_people_mostly_say_the_opposite() -> None:
    (gus,) = (person for person in PEOPLE if person.habit == CONTRARY)
    asked = [
        (str(TRUTH[task.message_ids[0]][quality.value]), answer(gus, task, TRUTH)[quality.value])
        for task in QUALITATIVE
        for quality in Quality
        if TRUTH[task.message_ids[0]][quality.value] in OPPOSITE
    ]
    assert sum(said == OPPOSITE[true] for true, said in asked) / len(asked) > 0.8


def test_the_spammer_always_takes_the_first_option() -> None:
    (hex_,) = (person for person in PEOPLE if person.habit == SPAMMER)
    assert {answer(hex_, task, TRUTH)["preference"] for task in PREFERENCE} == {Preference.A}
    for task in QUALITATIVE:
        assert answer(hex_, task, TRUTH) == {quality.value: Tag.YES for quality in Quality}


@pytest.mark.parametrize(
    "kind", [name for name, kind in asked_kinds().items() if tasks(name) and kind.choices]
)
def test_the_spammers_option_stands_first_in_the_form(kind: str) -> None:
    (hex_,) = (person for person in PEOPLE if person.habit == SPAMMER)
    task = tasks(kind)[0]
    said = answer(hex_, task, TRUTH)
    assert said
    for question in asked_kinds()[kind].showing(len(task.message_ids)).questions:
        if question.name in said:
            assert isinstance(question, ChoiceQuestion | MultipleChoiceQuestion)
            first = next(iter(question.options))
            if isinstance(question, RankingQuestion):
                first = " > ".join(question.options)
            assert said[question.name] == first


def test_every_answer_of_a_simulated_person_is_complete_and_follows_the_score() -> None:
    ada = PEOPLE[0]
    for kind in ("preference_strength", "ranking"):
        agree = []
        for task in tasks(kind):
            question = asked_kinds()[kind].showing(len(task.message_ids)).compares
            assert question is not None
            said = answer(ada, task, TRUTH)[question.name]
            assert question.is_complete(said)
            scores = [int(str(TRUTH[message_id]["score"])) for message_id in task.message_ids]
            if isinstance(question, RankingQuestion):
                places = list(question.places_of(said).values())
                agree += [
                    (places[i] < places[j]) == (scores[i] > scores[j])
                    for i in range(len(scores))
                    for j in range(len(scores))
                    if i != j
                ]
            else:
                agree.append(
                    question.preferred(said)
                    == (None if scores[0] == scores[1] else int(scores[0] < scores[1]))
                )
        assert sum(agree) / len(agree) > 0.85


def test_only_careful_people_write_suggestions_and_only_for_what_they_dislike() -> None:
    wrote = Counter[str]()
    for person in PEOPLE:
        for task in QUALITATIVE:
            if suggestion := answer(person, task, TRUTH).get("suggestion"):
                wrote[person.habit.name] += 1
                row = TRUTH[task.message_ids[0]]
                assert suggestion == row["suggestion"]
                assert int(str(row["score"])) <= 2
    assert set(wrote) == {"careful"}


def test_the_same_person_answers_the_same_task_the_same_every_time() -> None:
    for person in PEOPLE:
        for task in (*QUALITATIVE[:20], *PREFERENCE[:20]):
            assert answer(person, task, TRUTH) == answer(person, task, TRUTH)


def test_two_careful_people_err_in_different_places() -> None:
    ada, bo, *_ = PEOPLE
    assert [answer(ada, task, TRUTH) for task in QUALITATIVE] != [
        answer(bo, task, TRUTH) for task in QUALITATIVE
    ]


def test_simulated_people_can_be_taken_for_nobody_real() -> None:
    emails = [person.email for person in PEOPLE]
    assert len(set(emails)) == len(PEOPLE) == 8
    assert all(email.endswith("@simulated.invalid") for email in emails)
