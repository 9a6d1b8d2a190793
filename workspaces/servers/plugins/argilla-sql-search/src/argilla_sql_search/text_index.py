"""The words of a dataset's records in memory, derived from `records.fields` and as fresh as the database."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
from argilla_server.enums import FieldType
from argilla_server.models import Record
from sqlalchemy import Text, cast, select

from argilla_sql_search.analysis import tokenize
from argilla_sql_search.dialects import id_digits
from argilla_sql_search.token_column import TokenColumn
from argilla_sql_search.versions import READ_AT_ONCE, Versions, batches

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from numpy.typing import NDArray
    from sqlalchemy import ColumnElement

    from argilla_sql_search.mapping import Mapping
    from argilla_sql_search.sessions import OpenSession


class TextIndex:
    """The tokens of every searchable field of one dataset."""

    def __init__(self, fields: dict[str, FieldType]) -> None:
        """Index `fields` (name to type); images are not searched."""
        self.field_types = dict(fields)
        self.text: dict[str, TokenColumn] = {}
        """Analysed fields, by Elasticsearch's name: the field, or `field.content` of a chat."""
        self.keywords: dict[str, TokenColumn] = {}
        """Fields searched by whole value: `field.role` of a chat."""
        for name, field_type in fields.items():
            if field_type == FieldType.chat:
                self.text[f"{name}.content"] = TokenColumn()
                self.keywords[f"{name}.role"] = TokenColumn()
            elif field_type in {FieldType.text, FieldType.custom}:
                self.text[name] = TokenColumn()
        self.lock = asyncio.Lock()
        self.size = 0
        """How many slots there are, those that are out of date included."""
        self._slots: dict[str, int] = {}
        self._versions = Versions()

    async def refresh(self, scope: ColumnElement[bool], open_session: OpenSession, dialect: str) -> None:
        """Read those records in `scope` that are new or changed, forget those that are gone from it.

        The caller holds `lock`.
        """
        async with open_session() as session:
            difference = await self._versions.compare(session, dialect, Record.id, Record.updated_at, scope)
        for digits in difference.gone:
            self._forget(digits)
        columns = select(id_digits(dialect), cast(Record.updated_at, Text), cast(Record.fields, Text))
        for batch in batches(difference.changed):
            async with open_session() as session:
                rows = (await session.execute(columns.where(Record.id.in_(batch)))).tuples().all()
            await asyncio.to_thread(self._put, rows)
        self._versions.settle(difference)

    def _put(self, rows: Iterable[tuple[str, str, str]]) -> None:
        for digits, version, fields in rows:
            self._forget(digits)
            values = json.loads(fields)
            for name, field_type in self.field_types.items():
                self._append(name, field_type, values.get(name))
            self._slots[digits] = self.size
            self._versions.set(digits, version)
            self.size += 1
        for column in (*self.text.values(), *self.keywords.values()):
            column.commit()

    def wasted(self) -> bool:
        """Return whether more than half of the slots belong to records that changed or are gone."""
        return self.size > READ_AT_ONCE and len(self._slots) < self.size / 2

    def slots(self, record_ids: list[str]) -> NDArray[np.int64]:
        """Return the slot of each record, -1 where the index holds none."""
        slot = self._slots.get
        return np.fromiter((slot(digits, -1) for digits in record_ids), np.int64, len(record_ids))

    def _append(self, name: str, field_type: FieldType, value: Any) -> None:
        if field_type == FieldType.chat:
            messages = value or []
            self.text[f"{name}.content"].append(tokenize(message["content"]) for message in messages)
            self.keywords[f"{name}.role"].append([message["role"]] for message in messages)
        elif field_type == FieldType.custom:
            # Argilla hands Elasticsearch the Python form of a custom value, quotes and braces included.
            self.text[name].append([] if value is None else [tokenize(str(value))])
        elif field_type == FieldType.text:
            self.text[name].append([] if value is None else [tokenize(str(value))])

    def _forget(self, digits: str) -> None:
        slot = self._slots.pop(digits, None)
        self._versions.forget(digits)
        if slot is not None:
            for column in (*self.text.values(), *self.keywords.values()):
                column.blank(slot)


class TextIndexes:
    """The text indexes searched last in this process: of datasets, or of one person's part of each."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._indexes: OrderedDict[tuple[UUID, UUID | None], TextIndex] = OrderedDict()

    def of(self, mapping: Mapping, user_id: UUID | None = None) -> TextIndex:
        """Return the index of a dataset, or of what a user finds of it, to be used while holding its `lock`."""
        key = mapping.dataset_id, user_id
        index = self._indexes.get(key)
        if index is None or index.field_types != mapping.fields or index.wasted():
            index = self._indexes[key] = TextIndex(mapping.fields)
        self._indexes.move_to_end(key)
        while len(self._indexes) > self._kept:
            self._indexes.popitem(last=False)
        return index

    def drop(self, dataset_id: UUID) -> None:
        """Free the memory of a dataset's indexes."""
        for key in [key for key in self._indexes if key[0] == dataset_id]:
            del self._indexes[key]
