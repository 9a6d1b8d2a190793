"""The posterior of each item.

Revision: 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "item_posterior",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("item", sa.Text(), nullable=False, comment="message ids, joined by '|'"),
        sa.Column("votes", sa.JSON(), nullable=False, comment="answers by value"),
        sa.Column("probabilities", sa.JSON(), nullable=False, comment="of each value, by Dawid-Skene"),
        sa.Column(
            "judged_at", sa.DateTime(timezone=True), nullable=False, comment="when the figures last changed"
        ),
        sa.PrimaryKeyConstraint("kind", "question", "item", name=op.f("pk_item_posterior")),
    )
