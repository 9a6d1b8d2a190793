"""Reads and checks gold: right answers to tasks, which a project lead writes in YAML or CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from workspaces.errors import UsageError, reason_of
from workspaces.files import read_text
from workspaces.kinds import ChoiceQuestion, MultipleChoiceQuestion, RankingQuestion, kind_of
from workspaces.yaml_text import MAX_BYTES, explained, load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from workspaces.kinds import ChoiceQuestion
    from workspaces.records import Task

_KEYS = ("task", "message")
_YAML_WORDS = {True: "yes", False: "no"}
"""YAML reads an unquoted yes or no as true or false."""


@dataclass(slots=True)
class Gold:
    """The content of a file of right answers: answers by task id, and rejected rows with the reason."""

    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    rejected: list[tuple[int, str]] = field(default_factory=list)


def read_gold(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file: a YAML list of mappings, or CSV with a header. Empty cells are left out.

    Raises:
        UsageError: the file cannot be read, or has neither form.
    """
    try:
        text = read_text(path, MAX_BYTES)
        is_table = path.suffix.lower() == ".csv"
        rows = list(csv.DictReader(io.StringIO(text, newline=""))) if is_table else load_yaml(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} cannot be read: {explained(error)}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = reason_of(error)
        raise UsageError(f"{path} cannot be read: {reason}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(
            f"{path} must be a list such as '- {{task: ID, preference: a}}' or '- {{message: ID, helpful: yes}}', "
            "or a CSV file with these columns"
        )
    return [
        {
            str(key).strip().lower(): str(
                _YAML_WORDS.get(value, value) if isinstance(value, bool) else value
            ).strip()
            for key, value in row.items()
            if value not in (None, "")
        }
        for row in rows
    ]


def check_gold(rows: Iterable[Mapping[str, str]], tasks: Mapping[str, Task]) -> Gold:
    """Match rows with tasks and check every answer.

    Args:
        rows: each names a ``task`` by its id, or a ``message`` that a task shows, and gives the right answers to one or
            more questions with options, as the task displays them. A message stands for the task that shows this
            response alone and asks most of the questions that the row answers.
        tasks: every task, by id.

    Returns:
        The answers of valid rows. A row that answers a question otherwise than one before it is rejected.
    """
    tasks_about: dict[str, list[Task]] = {}
    for task in tasks.values():
        if task.reask_of is None and len(task.message_ids) == 1 and kind_of(task.kind).counted:
            tasks_about.setdefault(task.message_ids[0], []).append(task)
    result = Gold()
    for number, row in enumerate(rows, start=1):
        answers = {key: value for key, value in row.items() if key not in _KEYS}
        matched = (
            tasks.get(row["task"])
            if row.get("task")
            else _best_match(tasks_about.get(row.get("message", ""), ()), answers)
        )
        problem = _problem(row, matched, answers)
        if matched is not None and not problem:
            asked, before = _asked(matched), result.answers.get(matched.id, {})
            gold_answers = {name: asked[name].canonical(value.lower()) for name, value in answers.items()}
            problem = _contradiction(matched.id, before, gold_answers)
            if not problem:
                result.answers[matched.id] = before | gold_answers
        if problem:
            result.rejected.append((number, problem))
    return result


def _best_match(tasks: Sequence[Task], answers: Mapping[str, str]) -> Task | None:
    """Return the task that asks most of the answered questions; of several, the first."""
    return max(tasks, key=lambda task: len(_asked(task).keys() & answers.keys()), default=None)


def _asked(task: Task) -> Mapping[str, ChoiceQuestion | MultipleChoiceQuestion]:
    """Return the questions with options that a task asks, by name."""
    return kind_of(task.kind).showing(len(task.message_ids)).with_options


def _problem(row: Mapping[str, str], task: Task | None, answers: Mapping[str, str]) -> str:
    """Return why a row cannot be used; empty if it can."""
    if sum(key in row for key in _KEYS) != 1:
        return "names neither a task nor a message, or both"
    if task is None:
        about = next(f"{key} {row[key]!r}" for key in _KEYS if key in row)
        return f"finds no task for {about} ('chatfeedback tasks list' shows them)"
    if task.reask_of is not None:
        return f"is about {task.id}, which asks {task.reask_of} a second time: name that one"
    if not answers:
        return "gives no answer"
    asked = _asked(task)
    for name, value in answers.items():
        if name not in asked:
            return f"{name!r} is not asked there; asked are {', '.join(asked)}"
        question = asked[name]
        if not question.is_complete(value.lower()):
            return f"{name} cannot be {value!r}; it is {_which(question)} {', '.join(question.answers)}"
    return ""


def _contradiction(task_id: str, before: Mapping[str, str], answers: Mapping[str, str]) -> str:
    """Return what a row says otherwise than those before it; empty if it does not."""
    for name, value in answers.items():
        if before.get(name, value) != value:
            return f"says {name}: {value} of task {task_id}, and a row before it {name}: {before[name]}"
    return ""


def _which(question: ChoiceQuestion | MultipleChoiceQuestion) -> str:
    match question:
        case MultipleChoiceQuestion():
            return "some of"
        case RankingQuestion():
            return "such as"
        case _:
            return "one of"
