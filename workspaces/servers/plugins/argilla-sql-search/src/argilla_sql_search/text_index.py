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

    from argilla_sql_search.mapping import Mapping
    from argilla_sql_search.sessions import OpenSession

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

    async def refresh(self, dataset_id: UUID, open_session: OpenSession, dialect: str) -> None:
        """Read the records that are new or changed, forget those that are gone. The caller holds `lock`."""
        in_dataset = Record.dataset_id == dataset_id
        async with open_session() as session:
            difference = await self._versions.compare(
                session, dialect, Record.id, Record.updated_at, in_dataset
            )
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
    """The text indexes of the datasets searched last in this process."""

    def __init__(self) -> None:
        self._indexes: OrderedDict[UUID, TextIndex] = OrderedDict()

    def of(self, mapping: Mapping) -> TextIndex:
        """Return the index of a dataset, to be used while holding its `lock`."""
        index = self._indexes.get(mapping.dataset_id)
        if index is None or index.field_types != mapping.fields or index.wasted():
            index = self._indexes[mapping.dataset_id] = TextIndex(mapping.fields)
        self._indexes.move_to_end(mapping.dataset_id)
        while len(self._indexes) > KEPT_INDEXES:
            self._indexes.popitem(last=False)
        return index

    def drop(self, dataset_id: UUID) -> None:
        """Free the memory of a dataset's index."""
        self._indexes.pop(dataset_id, None)
