"""The inbox of events from platforms.

Revision: 0029.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "inbox",
        sa.Column("hint_id", sa.String(24), primary_key=True, comment="hash of what the event says changed"),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("container_id", sa.Text(), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=False, comment="the platform's own id of the answer"),
        sa.Column("remote_id", sa.Text(), comment="the platform's own id of the task; null: not told"),
        sa.Column("changed_at", sa.DateTime(timezone=True), comment="by the platform's clock; null: not told"),
        sa.Column("is_deletion", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), comment="when what it names was fetched; null: not yet"),
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"])
