"""Links of annotators to the givers that they are, and marks on answers about one's own conversations.

Revision: 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "giver_link",
        sa.Column("person_id", sa.String(24), primary_key=True, comment="who answers on a platform"),
        sa.Column("giver_id", sa.String(24), primary_key=True, comment="the same human, as the logs name them"),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "own_answer",
        sa.Column("person_id", sa.String(24), primary_key=True),
        sa.Column("task_id", sa.String(24), primary_key=True),
        sa.Column("giver_id", sa.String(24), nullable=False, comment="the person, or a giver linked to them"),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
    )
