"""Which answers hold which rewrite, and since when rewrites are judged.

Revision: 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "rewrite",
        sa.Column("annotation_id", sa.String(24), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rewrite_id", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("annotation_id", "revision", name="pk_rewrite"),
    )
    op.create_index("ix_rewrite_rewrite_id", "rewrite", ["rewrite_id"])
    op.create_table(
        "rewrites_judged",
        sa.Column(
            "kind", sa.String(32), nullable=False, comment="of the tasks that judge rewrites"
        ),
        sa.Column(
            "since",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="later rewrites are accepted by its votes alone",
        ),
        sa.PrimaryKeyConstraint("kind", name="pk_rewrites_judged"),
    )
