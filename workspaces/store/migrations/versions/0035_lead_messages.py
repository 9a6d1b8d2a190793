"""Messages from the lead to people, and what a model said of its own answer in a chat.

Revision: 0035.
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "lead_message",
        sa.Column("person_id", sa.String(24), primary_key=True, comment="who has it"),
        sa.Column("message_id", sa.String(24), primary_key=True, comment="hash of the text"),
        sa.Column("text", sa.Text(), nullable=False, comment="in the lead's words"),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "read_at", sa.DateTime(timezone=True), comment="when they said that they read it; null: not yet"
        ),
    )
    op.create_index("ix_lead_message_message_id", "lead_message", ["message_id"])
    op.create_index("ix_lead_message_read_at", "lead_message", ["read_at"])
    op.add_column(
        "chat_exchange",
        sa.Column(
            "rating",
            sa.JSON(),
            comment="what the model said of its own answer, by question, until it is seed feedback; null: nothing",
        ),
    )
