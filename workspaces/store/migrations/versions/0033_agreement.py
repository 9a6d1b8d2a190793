"""Snapshots of the agreement on each question.

Revision: 0033.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.create_table(
        "agreement",
        sa.Column("snapshot_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("question", sa.String(64), primary_key=True),
        sa.Column("alpha", sa.Float(), comment="null: undefined"),
        sa.Column("low", sa.Float(), comment="of the 95 % interval; null: not known"),
        sa.Column("high", sa.Float()),
        sa.Column("n_votes", sa.Integer(), nullable=False),
        sa.Column("n_items", sa.Integer(), nullable=False),
        sa.Column("n_voters", sa.Integer(), nullable=False),
    )
