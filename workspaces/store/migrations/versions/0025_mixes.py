"""The mix that each task was drawn by, the answers after which it may close, and when it closed.

Revision: 0025.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column(
        "task",
        sa.Column(
            "mix", sa.String(40), nullable=False, server_default="default", comment="that the task was drawn by"
        ),
    )
    op.add_column(
        "task",
        sa.Column(
            "least_answers", sa.Integer(), comment="from which on it closes when settled; null: at its overlap alone"
        ),
    )
    op.add_column(
        "task",
        sa.Column("closed_at", sa.DateTime(timezone=True), comment="when it closed before its overlap was reached"),
    )
