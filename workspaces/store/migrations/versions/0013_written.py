"""What commands wrote for people, and whose data it holds.

Revision: 0013.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "written",
        sa.Column("path", sa.Text(), nullable=False, comment="absolute"),
        sa.Column("kind", sa.String(length=64), nullable=False, comment="a projection, 'ledger' or 'person'"),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_written")),
    )
    op.create_table(
        "written_source",
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column(
            "source", sa.String(length=64), nullable=False, comment="keyed hash of a person or conversation"
        ),
        sa.PrimaryKeyConstraint("path", "source", name=op.f("pk_written_source")),
    )
    op.create_index(op.f("ix_written_source_source"), "written_source", ["source"], unique=False)
