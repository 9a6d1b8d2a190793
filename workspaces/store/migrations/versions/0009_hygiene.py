"""What hygiene says of the collection.

Revision: 0009.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "challenge",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False, comment="who scored its first prompt"),
        sa.Column("prompt_version", sa.String(length=32), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False, comment="those of the seven that the prompt meets"),
        sa.Column("score", sa.Integer(), nullable=False, comment="how many: 0 to 7"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "agent", "prompt_version", name=op.f("pk_challenge")),
    )
    op.create_table(
        "conversation_topic",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversation_topic")),
    )
    op.create_index(op.f("ix_conversation_topic_number"), "conversation_topic", ["number"], unique=False)
    op.create_table(
        "left_out",
        sa.Column("file", sa.Text(), nullable=False, comment="as it was named when it was read last"),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="rejected, cleaned or deleted"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file", "kind", "reason", name=op.f("pk_left_out")),
    )
    op.create_table(
        "moderation",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False, comment="the model that was asked"),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False, comment="those it was flagged for"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "agent", name=op.f("pk_moderation")),
    )
    op.create_index(op.f("ix_moderation_conversation_id"), "moderation", ["conversation_id"], unique=False)
    op.create_table(
        "near_duplicate",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column(
            "group_id", sa.Text(), nullable=False, comment="the smallest id of those that hang together"
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_near_duplicate")),
    )
    op.create_index(op.f("ix_near_duplicate_group_id"), "near_duplicate", ["group_id"], unique=False)
    op.create_table(
        "topic",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column(
            "terms", sa.JSON(), nullable=False, comment="the words that tell it from others, the strongest first"
        ),
        sa.Column("named_by", sa.Text(), nullable=False, comment="'terms', or the model that named it"),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_topic")),
    )
