"""Requests for seed feedback, written before they are sent, and the batches that carry them.

Revision: 0024.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "seed_request",
        sa.Column("request_id", sa.String(24), primary_key=True, comment="hash of judge, prompt and content"),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(8), nullable=False, comment="seed, or what a canary tells the judge"),
        sa.Column("targets", sa.JSON(), nullable=False, comment="message ids by their number in the request"),
        sa.Column("canary_of", sa.Text(), nullable=True, comment="the message that was added to"),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True, comment="of an unusable reply, cut and printable"),
        sa.Column("judged", sa.JSON(), nullable=True, comment="of a canary: what was said of the message"),
        sa.Column("batch_id", sa.String(24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_seed_request_conversation_id", "seed_request", ["conversation_id"])
    op.create_index("ix_seed_request_agent_state", "seed_request", ["agent", "state"])
    op.create_table(
        "seed_batch",
        sa.Column("batch_id", sa.String(24), primary_key=True),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.String(32), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True, comment="null: not known to be submitted"),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_seed_feedback_created_at", "seed_feedback", ["created_at"])
