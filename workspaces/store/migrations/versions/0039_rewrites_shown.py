"""Which rewrites a task shows, whatever its kind.

Revision: 0039.
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.add_column("task", sa.Column("rewrites", sa.JSON(), comment="whose text it shows; null: of none"))
    task = sa.table(
        "task",
        sa.column("task_id", sa.String),
        sa.column("kind", sa.String),
        sa.column("message_ids", sa.JSON),
        sa.column("rewrites", sa.JSON),
    )
    connection = op.get_bind()
    known = set(connection.execute(sa.text("SELECT DISTINCT rewrite_id FROM rewrite")).scalars())
    checks = sa.select(task.c.task_id, task.c.message_ids).where(task.c.kind == "suggestion_check")
    for task_id, message_ids in connection.execute(checks).all() if known else ():
        shown = [name for name in message_ids if name in known]
        if shown:
            connection.execute(sa.update(task).where(task.c.task_id == task_id).values(rewrites=shown))
