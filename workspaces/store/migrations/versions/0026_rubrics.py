"""The rubrics that tasks ask about.

Revision: 0026.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "rubric",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False, comment="texts, in the order in which people see them"),
        sa.Column(
            "weights", sa.JSON(), nullable=False, comment="of the criteria, as the configuration last had them"
        ),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rubric")),
    )
