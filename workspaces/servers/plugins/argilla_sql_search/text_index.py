"""The words of a dataset's records in memory, always as fresh as the database.

The index is derived from `records.fields` and keeps, for each record, the `updated_at` it was read at. Every
search first compares these with the database and reads again what changed, so nothing has to tell the index
about a write and no write can be missed: not one of another process, not a migration, not a restored backup.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from argilla_server.enums import FieldType
from argilla_server.models import Record
from sqlalchemy import String, Text, cast, func, select, type_coerce

from argilla_sql_search.analysis import tokenize
from argilla_sql_search.json_values import SQLITE
from argilla_sql_search.token_column import TokenColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from numpy.typing import NDArray
    from sqlalchemy.ext.asyncio import AsyncSession

    from argilla_sql_search.mapping import Mapping

    OpenSession = Callable[[], AbstractAsyncContextManager[AsyncSession]]

READ_AT_ONCE = 1_000
"""Records read by one statement: it ends the read before tokenizing, so that no writer waits for it."""
KEPT_INDEXES = 16
"""Datasets whose words stay in memory, about 4 bytes for each word and 300 for each record."""


class TextIndex:
    """The tokens of every searchable field of one dataset."""

    def __init__(self, fields: dict[str, FieldType]) -> None:
        """Index `fields` (name to type); images are not searched."""
        self.field_types = dict(fields)
        self.text: dict[str, TokenColumn] = {}
        """Analysed fields, by Elasticsearch's name: the field, or `field.content` of a chat."""
        self.keywords: dict[str, TokenColumn] = {}
        """Fields searched by whole value: `field.role` of a chat."""
        for name, kind in fields.items():
            if kind == FieldType.chat:
                self.text[f"{name}.content"] = TokenColumn()
                self.keywords[f"{name}.role"] = TokenColumn()
            elif kind in {FieldType.text, FieldType.custom}:
                self.text[name] = TokenColumn()
        self.lock = asyncio.Lock()
        self.ids: list[str] = []
        """The record (32 hexadecimal digits) of each slot; an empty string where it is gone."""
        self._slots: dict[str, int] = {}
        self._versions: dict[str, str] = {}

    def stale(self, versions: dict[str, str]) -> list[str]:
        """Forget the records not in `versions` (id to `updated_at`); return those to read again."""
        if versions == self._versions:
            return []
        for record_id in self._versions.keys() - versions.keys():
            self._forget(record_id)
        return [record_id for record_id, version in versions.items() if self._versions.get(record_id) != version]

    def put(self, rows: Iterable[tuple[str, str, str | dict[str, Any]]]) -> None:
        """Index records given as (id, `updated_at`, fields as JSON text)."""
        for record_id, version, fields in rows:
            self._forget(record_id)
            values = json.loads(fields) if isinstance(fields, str) else fields
            for name, kind in self.field_types.items():
                self._append(name, kind, values.get(name))
            self._slots[record_id] = len(self.ids)
            self._versions[record_id] = version
            self.ids.append(record_id)
        for column in (*self.text.values(), *self.keywords.values()):
            column.commit()

    def wasted(self) -> bool:
        """Return whether more than half of the slots belong to records that changed or are gone."""
        return len(self.ids) > READ_AT_ONCE and len(self._slots) < len(self.ids) / 2

    def live(self) -> NDArray[np.bool_]:
        """Return which slots hold a record."""
        live = np.zeros(len(self.ids), dtype=bool)
        live[list(self._slots.values())] = True
        return live

    def _append(self, name: str, kind: FieldType, value: Any) -> None:
        if kind == FieldType.chat:
            messages = value or []
            self.text[f"{name}.content"].append(tokenize(message["content"]) for message in messages)
            self.keywords[f"{name}.role"].append([message["role"]] for message in messages)
        elif kind == FieldType.custom:
            # Argilla hands Elasticsearch the Python form of a custom value, quotes and braces included.
            self.text[name].append([] if value is None else [tokenize(str(value))])
        elif kind == FieldType.text:
            self.text[name].append([] if value is None else [tokenize(str(value))])

    def _forget(self, record_id: str) -> None:
        slot = self._slots.pop(record_id, None)
        self._versions.pop(record_id, None)
        if slot is not None:
            self.ids[slot] = ""
            for column in (*self.text.values(), *self.keywords.values()):
                column.blank(slot)


class TextIndexes:
    """The text indexes of the datasets searched last in this process."""

    def __init__(self) -> None:
        self._indexes: OrderedDict[Any, TextIndex] = OrderedDict()

    def of(self, mapping: Mapping) -> TextIndex:
        """Return the index of a dataset, a new one when its fields changed. Hold its `lock` while using it."""
        index = self._indexes.get(mapping.dataset_id)
        if index is None or index.field_types != mapping.fields or index.wasted():
            index = self._indexes[mapping.dataset_id] = TextIndex(mapping.fields)
        self._indexes.move_to_end(mapping.dataset_id)
        while len(self._indexes) > KEPT_INDEXES:
            self._indexes.popitem(last=False)
        return index

    def drop(self, dataset_id: Any) -> None:
        """Free the memory of a dataset's index."""
        self._indexes.pop(dataset_id, None)


async def refresh(index: TextIndex, dataset_id: UUID, open_session: OpenSession, dialect: str) -> None:
    """Bring `index` up to the database, reading what is new or changed. The caller holds `index.lock`."""
    record_id, version = id_digits(dialect), cast(Record.updated_at, Text)
    async with open_session() as session:
        in_dataset = Record.dataset_id == dataset_id
        found = await session.execute(select(record_id, type_coerce(version, String)).where(in_dataset))
        versions = dict(found.all())
    stale = index.stale(versions)
    for start in range(0, len(stale), READ_AT_ONCE):
        batch = stale[start : start + READ_AT_ONCE]
        async with open_session() as session:
            rows = await _read(session, batch, dialect)
        await asyncio.to_thread(index.put, rows)


async def _read(session: AsyncSession, record_ids: Sequence[str], dialect: str) -> Sequence[Any]:
    columns = id_digits(dialect), cast(Record.updated_at, Text), cast(Record.fields, Text)
    found = await session.execute(select(*columns).where(Record.id.in_([UUID(digits) for digits in record_ids])))
    return found.all()


def id_digits(dialect: str, column: Any = Record.id) -> Any:
    """Return an id column as 32 hexadecimal digits, without making a UUID object for each row."""
    return type_coerce(column, String) if dialect == SQLITE else func.replace(cast(column, Text), "-", "")
