"""Whose data an export holds: the people and the conversations behind its rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspaces.kinds import text_questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import JsonValue

    from exports.columns import Row
    from exports.items import ExportItem
    from workspaces.records import Annotation


@dataclass(slots=True)
class Holders:
    """The pseudonyms of people whose votes, rewrites or pseudonym stand in an export, and the conversations in it."""

    person_ids: set[str] = field(default_factory=set)
    conversation_ids: set[str] = field(default_factory=set)

    def add(self, other: Holders) -> None:
        """Add the people and the conversations of another portion."""
        self.person_ids |= other.person_ids
        self.conversation_ids |= other.conversation_ids


class HoldersSought:
    """Finds whose data an export holds: ``found``, of the items and of the rows that were seen.

    An item names who voted. Who wrote a text, or is named by a row, is told from the rows, because other people's
    votes can bring in a rewrite whose author's own vote is not counted.
    """

    def __init__(self, items: Iterable[ExportItem], annotations: Iterable[Annotation]) -> None:
        """Begin with what items name.

        Args:
            items: those that the rows are made of.
            annotations: the answers that the export could be made of.
        """
        self.found = Holders()
        for item in items:
            self.found.person_ids.update(item.person_ids)
            self.found.conversation_ids.update(item.conversation_ids)
        self._by_text = _authors(it for it in annotations if it.person_id not in self.found.person_ids)

    def see(self, rows: Iterable[Row]) -> None:
        """Note the people whose texts or pseudonyms stand in rows of any table."""
        for text in _texts(rows) if self._by_text else ():
            if (found := self._by_text.get(text.strip())) is not None:
                self.found.person_ids |= found


def _authors(annotations: Iterable[Annotation]) -> dict[str, set[str]]:
    """Return the people by their texts, and by their pseudonyms."""
    questions = text_questions().keys()
    by_text: dict[str, set[str]] = defaultdict(set)
    for annotation in annotations:
        by_text[annotation.person_id].add(annotation.person_id)
        for name in questions & annotation.values.keys():
            if written := annotation.values[name].strip():
                by_text[written].add(annotation.person_id)
    return by_text


def _texts(rows: Iterable[Row]) -> Iterator[str]:
    """Yield every text of rows, however deep it lies in them."""
    waiting: list[JsonValue] = [value for row in rows for value in row.values()]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
