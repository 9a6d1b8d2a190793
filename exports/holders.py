"""Whose data an export holds: the people and the conversations behind its rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.kinds import TextQuestion, all_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import JsonValue

    from exports.columns import Row
    from exports.items import ExportItem
    from workspaces.records import Annotation


@dataclass(frozen=True, slots=True)
class Holders:
    """The pseudonyms of people whose votes, rewrites or pseudonym stand in an export, and the conversations in it."""

    person_ids: frozenset[str]
    conversation_ids: frozenset[str]


def holders_of(
    rows: Iterable[Row], items: Iterable[ExportItem], annotations: Iterable[Annotation]
) -> Holders:
    """Return whose data an export holds.

    An item names who voted. Who wrote a text, or is named by a row, is told from the rows, because other people's
    votes can bring in a rewrite whose author's own vote is not counted.

    Args:
        rows: of every table and split.
        items: the items that the rows were made of.
        annotations: the answers that the export could be made of.
    """
    people: set[str] = set()
    conversations: set[str] = set()
    for item in items:
        people |= set(item.person_ids)
        conversations |= set(item.conversation_ids)
    questions = {
        question.name
        for kind in all_kinds().values()
        for question in kind.questions
        if isinstance(question, TextQuestion)
    }
    by_text: dict[str, set[str]] = defaultdict(set)
    for annotation in annotations:
        by_text[annotation.person_id].add(annotation.person_id)
        for name in questions & annotation.values.keys():
            if written := annotation.values[name].strip():
                by_text[written].add(annotation.person_id)
    for text in _texts(rows):
        if (found := by_text.get(text.strip())) is not None:
            people |= found
    return Holders(frozenset(people), frozenset(conversations))


def _texts(rows: Iterable[Row]) -> Iterator[str]:
    """Yield every text of rows, however deep it lies in them."""
    for row in rows:
        waiting: list[JsonValue] = list(row.values())
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                yield value
            elif isinstance(value, dict):
                waiting.extend(value.values())
            elif isinstance(value, list):
                waiting.extend(value)
