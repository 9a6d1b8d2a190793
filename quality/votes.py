"""The answers of all people in one long table, whichever task and display order they came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from workspaces.records import AnnotationStatus, Preference, Quality, Tag, TaskKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workspaces.records import Annotation, Task

COLUMNS = ("kind", "question", "item", "annotator", "value", "task_id")
PREFERENCE_ORDER = ("first", "tie", "second")
_MIRRORED = {"first": "second", "tie": "tie", "second": "first"}
_DISPLAYED = {Preference.A: "first", Preference.TIE: "tie", Preference.B: "second"}
_QUALITIES = tuple(quality.value for quality in Quality)
_TAGS = frozenset(tag.value for tag in Tag)


def votes(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return one row per submitted answer.

    Qualities: ``question`` is the quality, ``item`` the message id, ``value`` a tag. Preferences: ``item``
    is the two message ids in ascending order, joined by ``|``, and ``value`` says which of *these* is
    better (``first``, ``tie``, ``second``), so that two people who saw the answers in different order are
    compared rightly. Ratings: ``question`` is what was rated (``thumb``, ``score``, a label), ``value`` a word or a
    number. Rewrites are left out, and so are answers to a task that asks another one again: the first of the two
    counts.

    Args:
        annotations: the latest revision of every annotation; only submitted ones count.
        tasks: by id, at least those the submitted annotations name.

    Returns:
        Text columns ``kind``, ``question``, ``item``, ``annotator``, ``value``, ``task_id``, sorted by the
        first four. Where a person answered the same item in several tasks, the answer updated last.

    Raises:
        KeyError: a submitted annotation names a task that is not given.
        ValueError: a value is no tag or preference.
    """
    submitted = [
        one
        for one in annotations
        if one.status is AnnotationStatus.SUBMITTED and tasks[one.task_id].reask_of is None
    ]
    submitted.sort(key=lambda one: (one.updated_at, one.id))
    rows = [
        (task.kind.value, question, item, annotation.person_id, value, task.id)
        for annotation in submitted
        for task in [tasks[annotation.task_id]]
        for question, item, value in answers_of(annotation.values, task)
    ]
    key = list(COLUMNS[:4])
    table = pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
    return table.drop_duplicates(key, keep="last").sort_values(key, ignore_index=True)


def answers_of(values: Mapping[str, str], task: Task) -> Iterator[tuple[str, str, str]]:
    """Yield (question, item, value) for the plain answers to one task, display order undone; see ``votes``."""
    if task.kind is TaskKind.QUALITATIVE:
        item = task.message_ids[0]
        for question in _QUALITIES:
            if (tag := values.get(question)) is not None:
                if tag not in _TAGS:
                    raise ValueError(f"{tag!r} is no tag")
                yield question, item, tag
    elif task.kind is TaskKind.RATING:
        for question, value in values.items():
            yield question, task.message_ids[0], value
    elif (displayed := values.get("preference")) is not None:
        shown = task.message_ids
        value = _DISPLAYED[Preference(displayed)]
        yield "preference", "|".join(sorted(shown)), value if shown[0] <= shown[1] else _MIRRORED[value]
