"""The licence of a chat log that names none itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Licences:
    """The licences that the lead declares: ``given`` for one file, ``by_source`` for all files, by source name."""

    given: str | None = None
    by_source: Mapping[str, str] = field(default_factory=dict)

    def fill(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows with a licence where one is known; the licence that a row names is kept.

        A row without one gets ``given``, or else that of its source.

        Args:
            rows: with the columns ``licence`` and ``source``, among others.
        """
        if self.given is None and not self.by_source:
            return rows
        index = rows.schema.get_field_index("licence")
        named = rows.column(index)
        named = pc.if_else(pc.equal(named, ""), pa.scalar(None, pa.string()), named)
        sources = pa.array(list(self.by_source), pa.string())
        licences = pa.array(list(self.by_source.values()), pa.string())
        of_source = licences.take(pc.index_in(rows.column("source"), sources))
        filled = pc.coalesce(named, pa.scalar(self.given, pa.string()), of_source)
        return rows.set_column(index, rows.schema.field(index), filled)


NONE_DECLARED = Licences()
"""The lead declares no licence: only those that the logs name count."""
