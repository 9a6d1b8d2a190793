"""Keys of people's programs, and what models answered for points.

Revision: 0031.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "chat_key",
        sa.Column("key_hash", sa.String(64), primary_key=True, comment="SHA-256 of the key"),
        sa.Column("prefix", sa.String(16), nullable=False, comment="by which its person tells it from others"),
        sa.Column("person_id", sa.String(24), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_at", at, nullable=False),
        sa.Column("revoked_at", at, comment="null: it is good"),
    )
    op.create_index("ix_chat_key_person_id", "chat_key", ["person_id"])
    op.create_table(
        "chat_exchange",
        sa.Column("hold_id", sa.String(64), primary_key=True, comment="the purchase of the answer"),
        sa.Column("person_id", sa.String(24), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("prompt_id", sa.Text(), nullable=False, comment="the message that was answered"),
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column(
            "messages",
            sa.Text(),
            comment="redacted, as JSON; null: the collection has them, or they are unreadable",
        ),
        sa.Column("answered_at", at, nullable=False),
        sa.Column("collected_at", at, comment="null: they wait"),
        sa.Column("outcome", sa.Text(), comment="what the collection did with them"),
    )
    for column in ("person_id", "conversation_id", "response_id", "collected_at"):
        op.create_index(f"ix_chat_exchange_{column}", "chat_exchange", [column])
    op.create_table(
        "chat_private",
        sa.Column("conversation_id", sa.Text(), primary_key=True, comment="a keyed hash of a chat kept private"),
        sa.Column("person_id", sa.String(24), nullable=False),
    )
    op.create_index("ix_chat_private_person_id", "chat_private", ["person_id"])
    op.create_table(
        "chat_choice",
        sa.Column("choice_id", sa.String(24), primary_key=True),
        sa.Column("person_id", sa.String(24), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("judgment", sa.Text(), nullable=False, comment="kind, responses and answers, as JSON; no text"),
        sa.Column("chosen_at", at, nullable=False),
        sa.Column("collected_at", at, comment="null: it waits"),
    )
    for column in ("person_id", "conversation_id", "collected_at"):
        op.create_index(f"ix_chat_choice_{column}", "chat_choice", [column])
