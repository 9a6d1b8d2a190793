"""Groups of people, and assignments that were taken back.

Revision: 0028.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "person_group",
        sa.Column("person_id", sa.String(24), primary_key=True),
        sa.Column("name", sa.String(40), nullable=False, comment="a key of routing.groups"),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "takeback",
        sa.Column("person_id", sa.String(24), primary_key=True),
        sa.Column("task_id", sa.String(24), primary_key=True),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("expired", sa.Boolean(), nullable=False, comment="whether it was not answered in time"),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "after",
            sa.Integer(),
            nullable=False,
            comment="the number of the newest revision of an answer then",
        ),
        sa.Column(
            "looked_at",
            sa.DateTime(timezone=True),
            comment="when it was seen whether they had answered; null: not yet",
        ),
    )
