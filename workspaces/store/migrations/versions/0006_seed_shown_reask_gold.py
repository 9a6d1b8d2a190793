"""Tasks that show the seed feedback, that ask again, and those with a right answer.

Revision: 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column(
        "task",
        sa.Column("seed_agent", sa.Text(), nullable=True, comment="whose seed feedback annotators see; null: blind"),
    )
    op.add_column("task", sa.Column("seed_prompt_version", sa.String(length=32), nullable=True))
    op.add_column(
        "task",
        sa.Column(
            "reask_of", sa.String(length=24), nullable=True, comment="the task that this one asks a second time"
        ),
    )
    op.create_table(
        "gold",
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False, comment="the right one, by the project lead"),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.task_id"], name=op.f("fk_gold_task_id")),
        sa.PrimaryKeyConstraint("task_id", "question", name=op.f("pk_gold")),
    )
