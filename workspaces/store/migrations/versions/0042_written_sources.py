"""Whose data was written where is looked up by whose it is: one order of the rows, in place of three.

Revision: 0042.
"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.execute("CREATE TABLE written_source_kept AS SELECT path, source FROM written_source")
    op.drop_table("written_source")
    op.create_table(
        "written_source",
        sa.Column("path", sa.Text, nullable=False),
        sa.Column(
            "source", sa.String(64), nullable=False, comment="keyed hash of a person or conversation"
        ),
        sa.PrimaryKeyConstraint("source", "path", name=op.f("pk_written_source")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO written_source (path, source) SELECT path, source FROM written_source_kept ORDER BY source, path"
    )
    op.drop_table("written_source_kept")
