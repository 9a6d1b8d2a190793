"""Tasks and answers of a platform that numbers them are told apart by when they were made; marks in containers.

Revision: 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    made_at = sa.DateTime(timezone=True)
    for table in ("placement", "withdrawal"):
        op.add_column(
            table,
            sa.Column(
                "made_at", made_at, nullable=True, comment="when the platform made its copy, by its clock"
            ),
        )
    op.add_column(
        "annotation_revision",
        sa.Column(
            "made_at", made_at, nullable=True, comment="when the answer was made, by the platform's clock"
        ),
    )
    op.add_column(
        "annotation_revision",
        sa.Column(
            "task_made_at",
            made_at,
            nullable=True,
            comment="when the platform made the task's copy where it was given",
        ),
    )
    op.create_table(
        "container_mark",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("container_id", sa.Text(), nullable=False),
        sa.Column(
            "mark", sa.Text(), nullable=True, comment="what stands there; null: none was written yet"
        ),
        sa.Column("number", sa.Integer(), nullable=False, comment="the newest answer that it covers"),
        sa.Column("next_mark", sa.Text(), nullable=True, comment="what is being written; null: nothing"),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "container_id", name=op.f("pk_container_mark")),
    )
    if op.get_context().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("dispute", "reason", comment="deleted, changed, forged, moved or lost")
