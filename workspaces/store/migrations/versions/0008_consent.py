"""Consent: who asked for what, deletions with their receipts and tombstones, tasks to take off a platform.

Revision: 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "conversation",
        sa.Column(
            "shared_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when it was shared for the first time",
        ),
    )
    op.execute(
        "UPDATE conversation SET shared_at = CASE WHEN added_at > share_at THEN added_at ELSE share_at END "
        "WHERE state = 'shared'"
    )
    op.create_table(
        "consent_event",
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column(
            "conversation_id", sa.Text(), nullable=False, comment="a keyed hash of it once it is deleted"
        ),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
            comment="what was asked for: shared, private or deleted",
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "asked_by", sa.String(length=24), nullable=False, comment="a pseudonym, 'giver' or 'lead'"
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_consent_event")),
    )
    op.create_index(
        op.f("ix_consent_event_conversation_id"), "consent_event", ["conversation_id"], unique=False
    )
    op.create_table(
        "deletion",
        sa.Column("receipt_id", sa.String(length=24), nullable=False),
        sa.Column(
            "person_id",
            sa.String(length=24),
            nullable=True,
            comment="the person to be forgotten, if it is about one",
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "asked_by", sa.String(length=24), nullable=False, comment="a pseudonym, 'giver' or 'lead'"
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("removed", sa.JSON(), nullable=False, comment="how much of what was removed where"),
        sa.Column(
            "completed_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the last trace was gone",
        ),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_deletion")),
    )
    op.create_index(op.f("ix_deletion_person_id"), "deletion", ["person_id"], unique=False)
    op.create_table(
        "tombstone",
        sa.Column("conversation_hmac", sa.String(length=64), nullable=False, comment="keyed hash of the id"),
        sa.Column("content_hmac", sa.String(length=64), nullable=False, comment="keyed hash of the text"),
        sa.Column("receipt_id", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["receipt_id"], ["deletion.receipt_id"], name=op.f("fk_tombstone_receipt_id")
        ),
        sa.PrimaryKeyConstraint("conversation_hmac", name=op.f("pk_tombstone")),
    )
    op.create_index(op.f("ix_tombstone_content_hmac"), "tombstone", ["content_hmac"], unique=False)
    op.create_index(op.f("ix_tombstone_receipt_id"), "tombstone", ["receipt_id"], unique=False)
    op.create_table(
        "push_begun",
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.task_id"], name=op.f("fk_push_begun_task_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_push_begun")),
        comment="tasks that may stand on their platform although no placement says so",
    )
    op.create_table(
        "withdrawal",
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column(
            "remote_id",
            sa.Text(),
            nullable=True,
            comment="the platform's own id of the task; null where it has to be found",
        ),
        sa.Column("container_id", sa.Text(), nullable=True),
        sa.Column("forget", sa.Boolean(), nullable=False, comment="whether its conversation is deleted"),
        sa.ForeignKeyConstraint(["task_id"], ["task.task_id"], name=op.f("fk_withdrawal_task_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_withdrawal")),
        comment="tasks that still have to be taken off their platform",
    )
