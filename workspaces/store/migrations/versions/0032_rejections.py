"""Tasks that a platform does not take.

Revision: 0032.
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "rejection",
        sa.Column("task_id", sa.String(24), primary_key=True),
        sa.Column(
            "reason", sa.Text(), nullable=False, comment="the platform's words, without texts of chat logs"
        ),
        sa.Column("sent_hash", sa.String(64), nullable=False, comment="of what the task showed then"),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=False),
    )
