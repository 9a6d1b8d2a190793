"""How simulated annotators answer: their answers are drawn from the sample's ``truth.jsonl``.

An answer depends on the person and the task alone, so the demo is reproducible.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from task_generators.allotment import unit
from workspaces.kinds import (
    BOTH_BAD,
    ChoiceQuestion,
    ComparisonQuestion,
    EachResponseQuestion,
    MultipleChoiceQuestion,
    RankingQuestion,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from workspaces.records import Task

    Truth = Mapping[str, Mapping[str, JsonValue]]
    """The sample author's judgment of each response, by message id."""

BEST_SCORE = 5
"""The highest score in the sample; the lowest is 1."""

SUGGESTION = "suggestion"
"""Where the sample's author wrote a better response."""

_REWRITTEN: Mapping[str, JsonValue] = {"score": BEST_SCORE}
"""The judgment of a rewrite, which the sample does not know: it is as good as can be."""

MISLIKED_SCORE = 2
"""Careful people may write a suggestion for responses with at most this score."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How often a person errs, reverses the answer, ignores the task or writes a suggestion; each from 0 to 1."""

    name: str
    errs: float = 0.0
    reverses: float = 0.0
    ignores: float = 0.0
    suggests: float = 0.0


CAREFUL = Habit("careful", errs=0.05, suggests=0.6)
HASTY = Habit("hasty", errs=0.3)
CONTRARY = Habit("contrary", errs=0.05, reverses=0.9)
SPAMMER = Habit("spammer", ignores=1.0)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulated annotator. Their address ends in ``invalid``, a domain that can never exist (RFC 2606)."""

    name: str
    habit: Habit

    @property
    def email(self) -> str:
        """The account's e-mail address, the same on every platform."""
        return f"{self.name}@simulated.invalid"


PEOPLE = (
    Simulated("ada", CAREFUL),
    Simulated("bo", CAREFUL),
    Simulated("chidi", CAREFUL),
    Simulated("dana", CAREFUL),
    Simulated("eli", HASTY),
    Simulated("fay", HASTY),
    Simulated("gus", CONTRARY),
    Simulated("hex", SPAMMER),
)


def load_truth() -> Truth:
    """Return the sample author's judgment of every response, by message id."""
    lines = (files("chatfeedback.demo") / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {f"{row['conversation_id']}#{row['message']}": row for row in rows}


def answer(person: Simulated, task: Task, truth: Truth) -> dict[str, str]:
    """Return a person's answer to a task: plain values by question name."""
    kind = kind_of(task.kind).showing(len(task.message_ids))
    rows = _judged(task, truth)
    values: dict[str, str] = {}
    for question in kind.questions:
        key = f"{task.id}/{question.name}"
        if isinstance(question, RankingQuestion):
            values[question.name] = _ranked(person, task.id, question, list(map(_score, rows)))
        elif isinstance(question, ComparisonQuestion):
            true = _better(question, *map(_score, rows))
            values[question.name] = _drawn(person, task.id, true, question.mirrored(true), question)
        elif isinstance(question, MultipleChoiceQuestion):
            true = str(rows[0][question.name])
            values[question.name] = _drawn(person, key, true, question.none or true, question)
        elif isinstance(question, ChoiceQuestion):
            place = question.response if isinstance(question, EachResponseQuestion) else 0
            true = _true(question, rows[place])
            values[question.name] = _drawn(person, key, true, _opposite(question, true), question)
    if kind.rewrite is not None and (rewrite := str(rows[0].get(SUGGESTION) or "")):
        wanted = kind.rewrite.required or (
            _score(rows[0]) <= MISLIKED_SCORE
            and _chance(person, f"{task.id}/{kind.rewrite.name}") < person.habit.suggests
        )
        if wanted:
            values[kind.rewrite.name] = rewrite
    return values


def _judged(task: Task, truth: Truth) -> list[Mapping[str, JsonValue]]:
    """Return the author's judgment of each response of a task; of a whole conversation, of its last response."""
    if kind_of(task.kind).of_conversation:
        (conversation_id,) = task.conversation_ids
        of_it = [row for row in truth.values() if row["conversation_id"] == conversation_id]
        return [max(of_it, key=lambda row: int(str(row["message"])))]
    return [truth.get(message_id, _REWRITTEN) for message_id in task.message_ids]


def _better(question: ComparisonQuestion, first: int, second: int) -> str:
    """Return the answer to two scores; of a question with a strength that as strong as the scores are far apart."""
    preferred = None if first == second else int(first < second)
    same = [option for option in question.options if question.preferred(option) == preferred]
    apart = abs(first - second)
    if max(first, second) == 1 and BOTH_BAD in same:
        return BOTH_BAD
    return min(same, key=lambda option: abs((question.strength(option) or 0) - apart) + (option == BOTH_BAD))


def _ranked(person: Simulated, key: str, question: RankingQuestion, scores: Sequence[int]) -> str:
    """Return a ranking by scores, with the person's habits: errors change scores, the careless one ranks as shown."""
    habit = person.habit
    if _chance(person, f"{key}/ignores") < habit.ignores:
        return question.answer_of({option: place for place, option in enumerate(question.options)})
    seen = [
        1 + int(_chance(person, f"{key}/{place}/any") * BEST_SCORE)
        if _chance(person, f"{key}/{place}/errs") < habit.errs
        else score
        for place, score in enumerate(scores)
    ]
    sign = 1 if _chance(person, f"{key}/reverses") < habit.reverses else -1
    return question.answer_of(dict(zip(question.options, (sign * score for score in seen), strict=True)))


def _true(question: ChoiceQuestion, row: Mapping[str, JsonValue]) -> str:
    """Return the author's answer; for a question without one, the value at the relative position of their score."""
    judgment = row.get(question.name)
    if judgment is not None:
        return question.vote(str(judgment), ())
    place = (_score(row) - 1) / (BEST_SCORE - 1)
    return question.order[round(place * (len(question.order) - 1))]


def _opposite(question: ChoiceQuestion, answer: str) -> str:
    if answer == question.not_applicable:
        return answer
    return question.order[-1 - question.order.index(answer)]


def _drawn(
    person: Simulated, key: str, true: str, opposite: str, question: ChoiceQuestion | MultipleChoiceQuestion
) -> str:
    habit, options = person.habit, list(question.options)
    if _chance(person, f"{key}/ignores") < habit.ignores:
        return options[0]  # the first button, every time
    if _chance(person, f"{key}/errs") < habit.errs:
        return options[int(_chance(person, f"{key}/any") * len(options))]
    return opposite if _chance(person, f"{key}/reverses") < habit.reverses else true


def _score(row: Mapping[str, JsonValue]) -> int:
    return int(str(row["score"]))


def _chance(person: Simulated, key: str) -> float:
    return unit(f"{person.name}/{key}")
