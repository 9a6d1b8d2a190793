"""Gold accuracy and self-consistency beside each person's confidence.

Revision: 0010.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "confidence",
        sa.Column(
            "gold_accuracy",
            sa.Float(),
            nullable=True,
            comment="share of right answers to gold, shrunk; null: none given",
        ),
    )
    op.add_column("confidence", sa.Column("gold_low", sa.Float(), nullable=True))
    op.add_column("confidence", sa.Column("gold_high", sa.Float(), nullable=True))
    op.add_column("confidence", sa.Column("gold_answers", sa.Integer(), nullable=True))
    op.add_column("confidence", sa.Column("gold_right", sa.Integer(), nullable=True))
    op.add_column(
        "confidence",
        sa.Column(
            "self_consistency",
            sa.Float(),
            nullable=True,
            comment="share given alike twice, shrunk; null: none asked twice",
        ),
    )
    op.add_column("confidence", sa.Column("self_low", sa.Float(), nullable=True))
    op.add_column("confidence", sa.Column("self_high", sa.Float(), nullable=True))
    op.add_column("confidence", sa.Column("repeated_answers", sa.Integer(), nullable=True))
    op.add_column("confidence", sa.Column("repeated_alike", sa.Integer(), nullable=True))
