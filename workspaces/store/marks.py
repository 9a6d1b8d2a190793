"""Marks: what the workbench wrote last into each dataset or project, to know it again.

A mark is written after everything in the container was read. A container that shows an older mark was restored from a
copy made before: what is missing in it was not deleted by its author. A mark proves no more than it covers: the answers
that had been read when it was written.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from workspaces.store.insert import upsert
from workspaces.store.schema import metadata

container_mark = sa.Table(
    "container_mark",
    metadata,
    sa.Column("platform", sa.String(32), primary_key=True),
    sa.Column("container_id", sa.Text, primary_key=True),
    sa.Column("mark", sa.Text, comment="what stands there; null: none was written yet"),
    sa.Column("number", sa.Integer, nullable=False, comment="the newest answer that it covers"),
    sa.Column("next_mark", sa.Text, comment="what is being written; null: nothing"),
    sa.Column("next_number", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in a container, and what was being written into it when a command was killed."""

    mark: str | None = None
    number: int = 0
    next_mark: str | None = None
    next_number: int = 0

    def covers(self, told: str | None) -> int | None:
        """Return up to which number answers are covered by the mark that the container shows.

        None: the container shows neither of the two, so it was restored from an older copy, or is another one. While
        one is being written, it may show none.
        """
        if self.next_mark is not None and told == self.next_mark:
            return self.next_number
        is_between = self.next_mark is not None and told is None
        return self.number if told == self.mark or is_between else None


def mark_of(connection: sa.Connection, platform: str, container_id: str) -> Mark | None:
    """Return the mark of a container; None where none was ever written."""
    column = container_mark.c
    query = sa.select(column.mark, column.number, column.next_mark, column.next_number).where(
        column.platform == platform, column.container_id == container_id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Mark(*row)


def save_mark(connection: sa.Connection, platform: str, container_id: str, mark: Mark) -> None:
    """Keep the mark of a container."""
    columns = ("mark", "number", "next_mark", "next_number")
    row = {name: getattr(mark, name) for name in columns}
    upsert(
        connection,
        container_mark,
        [{"platform": platform, "container_id": container_id, **row}],
        update=columns,
    )
