"""Requests for labels of stored texts, written before they are sent.

Revision: 0040.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    op.create_table(
        "label_request",
        sa.Column(
            "request_id",
            sa.String(24),
            primary_key=True,
            comment="hash of purpose, model, prompt and text",
        ),
        sa.Column("purpose", sa.String(12), nullable=False, comment="challenge or moderation"),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="the message or conversation that is labelled"),
        sa.Column("agent", sa.Text(), nullable=False, comment="the model that is asked"),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True, comment="of an unusable reply, cut and printable"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_label_request_conversation_id", "label_request", ["conversation_id"])
    op.create_index(
        "ix_label_request_purpose_agent_state", "label_request", ["purpose", "agent", "state"]
    )
