"""How long answers took, and when their tasks were first shown, as far as platforms tell.

Revision: 0021.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column(
        "annotation_revision",
        sa.Column("lead_time", sa.Float(), nullable=True, comment="seconds, as the platform tells"),
    )
    op.add_column(
        "annotation_revision",
        sa.Column(
            "served_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the task was first shown to the person, by the platform's clock",
        ),
    )
