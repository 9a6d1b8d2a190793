"""Where an answer stood and in which order answers came in; what is not believed of them.

Revision: 0011.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

BATCH = 5_000


def upgrade() -> None:
    op.add_column(
        "annotation_revision",
        sa.Column(
            "remote_id", sa.Text(), nullable=True, comment="the platform's own id of the task it stood at"
        ),
    )
    op.add_column(
        "annotation_revision",
        sa.Column("number", sa.Integer(), nullable=True, comment="1, 2, ... over all answers, as they came in"),
    )
    op.create_index(op.f("ix_annotation_revision_number"), "annotation_revision", ["number"], unique=True)
    # the last time that our clock is asked: an answer synced after its task was pushed stood at that placement
    op.execute(
        "UPDATE annotation_revision SET remote_id = (SELECT placement.remote_id FROM placement "
        "WHERE placement.task_id = annotation_revision.task_id "
        "AND placement.pushed_at <= annotation_revision.synced_at)"
    )
    _number(op.get_bind())
    op.create_table(
        "dispute",
        sa.Column("dispute_id", sa.String(length=24), nullable=False),
        sa.Column(
            "reason", sa.String(length=16), nullable=False, comment="deleted, changed, forged or moved"
        ),
        sa.Column("annotation_id", sa.String(length=24), nullable=False),
        sa.Column(
            "standing", sa.Integer(), nullable=False, comment="the revision that stands; 0: none does"
        ),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column(
            "response_id", sa.Text(), nullable=False, comment="the platform's own id of the answer"
        ),
        sa.Column("task_id", sa.String(length=24), nullable=True, comment="null: no task of ours"),
        sa.Column(
            "person_id", sa.String(length=24), nullable=False, comment="whose answer it is said to be"
        ),
        sa.Column(
            "by_person",
            sa.String(length=24),
            nullable=True,
            comment="who changed it last; null: the platform does not say",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False, comment="open, accepted or dismissed"),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dispute_id", name=op.f("pk_dispute")),
    )
    op.create_index(op.f("ix_dispute_annotation_id"), "dispute", ["annotation_id"], unique=False)
    op.create_index(op.f("ix_dispute_person_id"), "dispute", ["person_id"], unique=False)


def _number(connection: sa.Connection) -> None:
    """Number the revisions that are there, in the order in which they were synced."""
    revisions = sa.table(
        "annotation_revision",
        sa.column("annotation_id", sa.String),
        sa.column("revision", sa.Integer),
        sa.column("synced_at", sa.DateTime(timezone=True)),
        sa.column("number", sa.Integer),
    )
    keys = connection.execute(
        sa.select(revisions.c.annotation_id, revisions.c.revision).order_by(
            revisions.c.synced_at, revisions.c.annotation_id, revisions.c.revision
        )
    ).all()
    statement = (
        sa.update(revisions)
        .where(
            revisions.c.annotation_id == sa.bindparam("its_id"),
            revisions.c.revision == sa.bindparam("its_revision"),
        )
        .values(number=sa.bindparam("its_number"))
    )
    for start in range(0, len(keys), BATCH):
        connection.execute(
            statement,
            [
                {"its_id": annotation_id, "its_revision": revision, "its_number": number}
                for number, (annotation_id, revision) in enumerate(
                    keys[start : start + BATCH], start=start + 1
                )
            ],
        )
