"""Which licence a chat log comes under, where the log itself names none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Licences:
    """What the lead says of their sources. ``given`` is said of one file, ``by_source`` of all, by source name."""

    given: str | None = None
    by_source: Mapping[str, str] = field(default_factory=dict)

    def fill(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return rows with a licence where one is known; what a row says, or its source is known for, is kept.

        Args:
            rows: with the columns ``licence`` and ``source``, among others.
        """
        if self.given is None and not self.by_source:
            return rows
        index = rows.schema.get_field_index("licence")
        said = rows.column(index)
        said = pc.if_else(pc.equal(said, ""), pa.scalar(None, pa.string()), said)
        names = pa.array(list(self.by_source), pa.string())
        known = pa.array(list(self.by_source.values()), pa.string())
        of_source = known.take(pc.index_in(rows.column("source"), names))
        filled = pc.coalesce(said, pa.scalar(self.given, pa.string()), of_source)
        return rows.set_column(index, rows.schema.field(index), filled)


NOTHING_SAID = Licences()
"""For logs of which only they themselves say anything."""
