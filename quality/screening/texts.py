"""Repeated texts: people who submit the same text, such as a rewrite, for different responses."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from quality.screening.finding import MAX_EXAMPLES, Finding, FlagReason
from workspaces.kinds import kind_of
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workspaces.records import Annotation, Task

MIN_LENGTH = 20
"""The number of letters and digits below which a repetition is not counted ('I do not know.')."""

MIN_REPEATS = 3

_NOT_TEXT = re.compile(r"[\W_]+")


def repeated_texts(annotations: Iterable[Annotation], tasks: Mapping[str, Task]) -> list[Finding]:
    """Return the people who gave the same text to three or more tasks; case, spaces and punctuation are ignored.

    Texts about the same response by different people are not compared: both start from the same text.

    Args:
        annotations: the latest revision of every annotation; only submitted ones count.
        tasks: by id, at least those the submitted annotations name.

    Returns:
        One finding per person, ascending.
    """
    items: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    written: dict[str, int] = defaultdict(int)
    for annotation in annotations:
        if annotation.status is not AnnotationStatus.SUBMITTED:
            continue
        task = tasks[annotation.task_id]
        for text in kind_of(task.kind).texts_in(annotation.values):
            written[annotation.person_id] += 1
            letters = _NOT_TEXT.sub("", text.casefold())
            if len(letters) >= MIN_LENGTH:
                items[annotation.person_id][letters].add(task.message_ids[0])
    findings = []
    for person, texts in sorted(items.items()):
        repeated = [responses for responses in texts.values() if len(responses) >= MIN_REPEATS]
        if repeated:
            weight = sum(map(len, repeated))
            repeated.sort(key=len)
            examples = sorted(repeated[-1])[:MAX_EXAMPLES]
            findings.append(
                Finding(
                    person,
                    FlagReason.REPEATED_TEXT,
                    {
                        "rewrites": written[person],
                        "repeated": weight,
                        "different_texts": len(repeated),
                        "items": examples,
                    },
                    weight,
                )
            )
    return findings
