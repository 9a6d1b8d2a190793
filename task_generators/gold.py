"""Right answers to some tasks, as a project lead writes them down in YAML or CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from workspaces.errors import UsageError
from workspaces.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from workspaces.records import Task

_KEYS = ("task", "message")
_YAML_WORDS = {True: "yes", False: "no"}
"""YAML reads a bare yes or no as true or false."""


@dataclass(slots=True)
class Gold:
    """What a file of right answers came to: answers by task id, and what could not be used, by row, with why."""

    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    rejected: list[tuple[int, str]] = field(default_factory=list)


def read_gold(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file: a YAML list of mappings, or CSV with a header. Empty cells are left out.

    Raises:
        UsageError: the file cannot be read, or is neither.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file)) if path.suffix.lower() == ".csv" else yaml.safe_load(file)
    except (OSError, UnicodeDecodeError, csv.Error, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
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
        rows: each names a ``task`` by its id, or a ``message`` that a task is about (of the kinds that show one
            response, the one that asks what the row answers), and gives the right answer to one or more questions
            with options, as the task displays them.
        tasks: every task, by id.

    Returns:
        The answers of sound rows; of two rows on one task the later one counts, question by question.
    """
    about: dict[str, list[Task]] = {}
    for task in tasks.values():
        if task.reask_of is None and len(task.message_ids) == 1 and kind_of(task.kind).choices:
            about.setdefault(task.message_ids[0], []).append(task)
    result = Gold()
    for number, row in enumerate(rows, start=1):
        given = {key: value for key, value in row.items() if key not in _KEYS}
        named = (
            tasks.get(row["task"])
            if row.get("task")
            else _asked(about.get(row.get("message", ""), ()), given)
        )
        problem = _problem(row, named, given)
        if problem or named is None:
            result.rejected.append((number, problem))
        else:
            answers = {question: value.lower() for question, value in given.items()}
            result.answers.setdefault(named.id, {}).update(answers)
    return result


def _asked(tasks: Sequence[Task], given: Mapping[str, str]) -> Task | None:
    """Return the task that asks most of what is given; of several the first."""
    return max(tasks, key=lambda task: len(_allowed(task).keys() & given.keys()), default=None)


def _allowed(task: Task) -> dict[str, tuple[str, ...]]:
    """Return the answers that each question with options allows."""
    return {question.name: question.answers for question in kind_of(task.kind).choices}


def _problem(row: Mapping[str, str], task: Task | None, given: Mapping[str, str]) -> str:
    """Say why a row cannot be used; empty when it can."""
    if sum(key in row for key in _KEYS) != 1:
        return "names neither a task nor a message, or both"
    if task is None:
        return f"there is no task for {next(f'{key} {row[key]!r}' for key in _KEYS if key in row)}"
    if task.reask_of is not None:
        return f"task {task.id} asks task {task.reask_of} a second time: name that one"
    if not given:
        return "gives no answer"
    allowed = _allowed(task)
    for question, value in given.items():
        if question not in allowed:
            return f"{question!r} is not asked there; asked are {', '.join(allowed)}"
        if value.lower() not in allowed[question]:
            return f"{question} cannot be {value!r}; it is one of {', '.join(allowed[question])}"
    return ""
