"""The vectors of one vector setting in memory, kept as fresh as the database like the text index."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from argilla_server.models import Vector
from sqlalchemy import Text, cast, select

from argilla_sql_search.dialects import id_digits
from argilla_sql_search.versions import Versions, batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from numpy.typing import NDArray
    from sqlalchemy import ColumnElement

    from argilla_sql_search.sessions import OpenSession

KEPT_INDEXES = 8
"""Vector settings whose vectors stay in memory, 4 bytes for each number."""


class VectorIndex:
    """One row of a matrix for each record that has the vector."""

    def __init__(self, dimensions: int) -> None:
        self.lock = asyncio.Lock()
        self._dimensions = dimensions
        self._rows: dict[str, NDArray[np.float32]] = {}
        self._versions = Versions()
        self._matrix: NDArray[np.float32] | None = None
        self._ids: list[str] = []
        self._places: dict[str, int] = {}

    async def refresh(self, scope: ColumnElement[bool], open_session: OpenSession, dialect: str) -> None:
        """Read those vectors in `scope` that are new or changed, forget those that are gone from it.

        They are vectors of one setting. The caller holds `lock`.
        """
        async with open_session() as session:
            difference = await self._versions.compare(
                session, dialect, Vector.record_id, Vector.updated_at, scope
            )
        if difference.gone or difference.changed:
            self._matrix = None
        for digits in difference.gone:
            self._rows.pop(digits, None)
            self._versions.forget(digits)
        columns = select(
            id_digits(dialect, Vector.record_id),
            cast(Vector.updated_at, Text),
            cast(Vector.value, Text),
        )
        for batch in batches(difference.changed):
            async with open_session() as session:
                of_batch = columns.where(scope, Vector.record_id.in_(batch))
                rows = (await session.execute(of_batch)).tuples().all()
            await asyncio.to_thread(self._put, rows)
        self._versions.settle(difference)

    def _put(self, rows: Iterable[tuple[str, str, str]]) -> None:
        for record_id, version, value in rows:
            row = np.array(json.loads(value), dtype=np.float32)
            if row.shape == (self._dimensions,):
                self._rows[record_id] = row
            else:
                self._rows.pop(record_id, None)
            self._versions.set(record_id, version)

    def nearest(self, value: Sequence[float], candidates: list[str], count: int) -> list[tuple[str, float]]:
        """Return the `count` of `candidates` nearest to `value`, nearest first, each with (1 + cosine) / 2.

        A record without the vector is not among them, nor one whose vector is zero: that has no cosine. Of
        equally near records the one with the lesser id comes first.
        """
        matrix = self._unit_vectors()
        place = self._places.get
        rows = np.fromiter((place(digits, -1) for digits in candidates), np.int64, len(candidates))
        rows = np.sort(rows[rows >= 0])
        vector = np.array(value, dtype=np.float32).astype(np.float64)
        cosines = (matrix @ (vector / np.linalg.norm(vector)).astype(np.float32))[rows]
        scores = (1 + np.clip(cosines.astype(np.float64), -1, 1)) / 2
        ranking = np.argsort(-scores, kind="stable")[:count].tolist()
        return [(self._ids[rows[rank]], float(scores[rank])) for rank in ranking]

    def _unit_vectors(self) -> NDArray[np.float32]:
        """Return the vectors that are not zero, scaled to length 1, in the order of their records' ids."""
        if self._matrix is None:
            norms = {
                digits: float(np.linalg.norm(row.astype(np.float64))) for digits, row in self._rows.items()
            }
            self._ids = sorted(digits for digits, norm in norms.items() if norm)
            self._places = {digits: place for place, digits in enumerate(self._ids)}
            self._matrix = np.empty((len(self._ids), self._dimensions), dtype=np.float32)
            for place, digits in enumerate(self._ids):
                self._matrix[place] = self._rows[digits] / norms[digits]
        return self._matrix


class VectorIndexes:
    """The vector indexes searched last in this process."""

    def __init__(self) -> None:
        self._indexes: OrderedDict[UUID, VectorIndex] = OrderedDict()

    def of(self, vector_settings_id: UUID, dimensions: int) -> VectorIndex:
        """Return the index of a vector setting. Hold its `lock` while using it."""
        index = self._indexes.setdefault(vector_settings_id, VectorIndex(dimensions))
        self._indexes.move_to_end(vector_settings_id)
        while len(self._indexes) > KEPT_INDEXES:
            self._indexes.popitem(last=False)
        return index
