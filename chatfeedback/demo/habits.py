"""How simulated annotators answer. They are invented: what they say is drawn from the sample's ``truth.jsonl``.

An answer depends on the person and the task alone, so that a demo can be repeated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from task_generators.mix import unit
from workspaces.records import Preference, Quality, Tag, TaskKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from workspaces.records import Task

    Truth = Mapping[str, Mapping[str, JsonValue]]
    """The sample author's judgement of each answer, by message id."""

MISLIKED_SCORE = 2
"""At most this score makes a careful person write a suggestion."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How often a person errs, turns the answer round, or does not look at all, each from 0 to 1."""

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
    """A simulated annotator. ``invalid`` is a domain that can never exist (RFC 2606)."""

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
    """Return the sample author's own judgement of every answer, by message id."""
    lines = (files("chatfeedback.demo") / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {f"{row['conversation_id']}#{row['message']}": row for row in rows}


def answer(person: Simulated, task: Task, truth: Truth) -> dict[str, str]:
    """Return what a person answers to a task: plain values by question name."""
    if task.kind is TaskKind.PREFERENCE:
        return {"preference": _preference(person, task, truth)}
    row = truth[task.message_ids[0]]
    values = {
        quality.value: _tag(person, f"{task.id}/{quality}", Tag(str(row[quality.value])))
        for quality in Quality
    }
    suggestion = row.get("suggestion")
    if (
        suggestion
        and _score(row) <= MISLIKED_SCORE
        and _chance(person, f"{task.id}/suggestion") < person.habit.suggests
    ):
        values["suggestion"] = str(suggestion)
    return values


def _preference(person: Simulated, task: Task, truth: Truth) -> str:
    first, second = (_score(truth[message_id]) for message_id in task.message_ids)
    true = Preference.TIE if first == second else Preference.A if first > second else Preference.B
    opposite = {Preference.A: Preference.B, Preference.B: Preference.A, Preference.TIE: Preference.TIE}
    return _drawn(person, task.id, true, opposite[true], list(Preference))


def _tag(person: Simulated, what: str, true: Tag) -> str:
    opposite = {Tag.YES: Tag.NO, Tag.NO: Tag.YES, Tag.NA: Tag.NA}
    return _drawn(person, what, true, opposite[true], [Tag.YES, Tag.NO, Tag.NA])


def _drawn(person: Simulated, what: str, true: str, opposite: str, options: list[str]) -> str:
    habit = person.habit
    if _chance(person, f"{what}/ignores") < habit.ignores:
        return options[0]  # the first button, every time
    if _chance(person, f"{what}/errs") < habit.errs:
        return options[int(_chance(person, f"{what}/any") * len(options))]
    return opposite if _chance(person, f"{what}/reverses") < habit.reverses else true


def _score(row: Mapping[str, JsonValue]) -> int:
    return int(str(row["score"]))


def _chance(person: Simulated, what: str) -> float:
    return unit(f"{person.name}/{what}")
