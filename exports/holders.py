"""Whose data an export holds: the people and the conversations behind its rows."""

from __future__ import annotations

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
    texts = {text.strip() for row in rows for text in _texts(dict(row))}
    questions = {
        question.name
        for kind in all_kinds().values()
        for question in kind.questions
        if isinstance(question, TextQuestion)
    }
    for annotation in annotations:
        written = (annotation.values[name].strip() for name in questions & annotation.values.keys())
        if annotation.person_id in texts or any(text in texts for text in written if text):
            people.add(annotation.person_id)
    return Holders(frozenset(people), frozenset(conversations))


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
