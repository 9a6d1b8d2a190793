"""The rubrics that tasks ask about, and what was decided about items on which answers disagree.

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
    op.create_table(
        "adjudication",
        sa.Column(
            "number",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="the newest about a question and an item holds",
        ),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("item", sa.Text(), nullable=False, comment="as in item_posterior"),
        sa.Column("value", sa.Text(), comment="a vote, whatever the display order; null: taken back"),
        sa.Column("task_id", sa.String(24), nullable=False, comment="whose answers were seen"),
        sa.Column("person_id", sa.String(24), comment="who decided; null: the lead"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_adjudication")),
    )
    op.create_index(op.f("ix_adjudication_item"), "adjudication", ["item"])
    op.add_column(
        "item_posterior",
        sa.Column(
            "adjudicated",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="whether it was decided instead",
        ),
    )
