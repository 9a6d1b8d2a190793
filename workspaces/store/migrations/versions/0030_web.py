"""The web page: sessions and sign-in links by hash, and reports of conversations.

Revision: 0030.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.create_table(
        "web_session",
        sa.Column("token_hash", sa.String(64), primary_key=True, comment="SHA-256 of what the browser holds"),
        sa.Column("person_id", sa.String(24), nullable=False),
        sa.Column("is_lead", sa.Boolean(), nullable=False),
        sa.Column("platform", sa.String(32), comment="whose account signed in; null: a link of the lead's"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_web_session_person_id", "web_session", ["person_id"])
    op.create_table(
        "sign_in_link",
        sa.Column("token_hash", sa.String(64), primary_key=True, comment="SHA-256 of what the link holds"),
        sa.Column("person_id", sa.String(24), nullable=False),
        sa.Column("is_lead", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), comment="null: not yet"),
    )
    op.create_index("ix_sign_in_link_person_id", "sign_in_link", ["person_id"])
    op.create_table(
        "conversation_report",
        sa.Column("report_id", sa.String(24), primary_key=True),
        sa.Column("about", sa.Text(), nullable=False, comment="where the conversation was seen, in the reporter's words"),
        sa.Column("reason", sa.Text(), nullable=False, comment="what is wrong with it, in the reporter's words"),
        sa.Column("contact", sa.Text(), comment="where the reporter can be reached; null: not told"),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), comment="null: it waits for the lead"),
        sa.Column("decision", sa.Text(), comment="what the lead did, in their words"),
    )
    op.create_index("ix_conversation_report_reported_at", "conversation_report", ["reported_at"])
