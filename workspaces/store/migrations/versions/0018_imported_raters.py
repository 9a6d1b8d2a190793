"""Raters of chat logs: the display order they saw, those without a name told apart, and forgotten judgments.

Until now unnamed raters of one conversation were one person. Where such a person gave several answers to one task at
one time, these become several people.

Revision: 0018.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"

ANONYMOUS = "anonymous-"
CHARACTERS = 24


def upgrade() -> None:
    op.add_column(
        "annotation_revision",
        sa.Column(
            "shown_first", sa.Text(), nullable=True, comment="message id; null: by the task, or not known"
        ),
    )
    op.create_table(
        "judgment_tombstone",
        sa.Column(
            "judgment_hmac", sa.String(length=64), nullable=False, comment="keyed hash of rater and task"
        ),
        sa.Column("receipt_id", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["receipt_id"],
            ["deletion.receipt_id"],
            name=op.f("fk_judgment_tombstone_receipt_id"),
        ),
        sa.PrimaryKeyConstraint("judgment_hmac", name=op.f("pk_judgment_tombstone")),
    )
    op.create_index(op.f("ix_judgment_tombstone_receipt_id"), "judgment_tombstone", ["receipt_id"])
    op.create_table(
        "confidence_prior",
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("mean", sa.Float(), nullable=False, comment="of people's rates of agreement"),
        sa.Column("strength", sa.Float(), nullable=False, comment="counted in answers"),
        sa.PrimaryKeyConstraint("question", name=op.f("pk_confidence_prior")),
    )
    _tell_raters_apart()


def _tell_raters_apart() -> None:
    revisions = sa.table(
        "annotation_revision",
        sa.column("annotation_id", sa.String),
        sa.column("task_id", sa.String),
        sa.column("person_id", sa.String),
        sa.column("updated_at", sa.DateTime),
    )
    connection = op.get_bind()
    nameless = sa.select(
        revisions.c.person_id, revisions.c.task_id, revisions.c.updated_at, revisions.c.annotation_id
    ).where(revisions.c.person_id.startswith(ANONYMOUS, autoescape=True))
    first: dict[tuple[str, str, object], str] = {}
    others: list[str] = []
    for person_id, task_id, at, annotation_id in connection.execute(
        nameless.order_by(revisions.c.annotation_id)
    ):
        if first.setdefault((person_id, task_id, at), annotation_id) != annotation_id:
            others.append(annotation_id)
    for annotation_id in others:
        connection.execute(
            sa.update(revisions)
            .where(revisions.c.annotation_id == annotation_id)
            .values(person_id=f"{ANONYMOUS}{annotation_id}"[:CHARACTERS])
        )
