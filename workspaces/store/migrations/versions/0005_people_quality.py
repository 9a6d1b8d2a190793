"""Flags for review, sealed demographic answers and their published snapshots.

Revision: 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "flag",
        sa.Column("flag_id", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False, comment="figures and item ids"),
        sa.Column("weight", sa.Integer(), nullable=False, comment="answers that the evidence rests on"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False, comment="open, accepted or dismissed"),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("flag_id", name=op.f("pk_flag")),
    )
    op.create_index(op.f("ix_flag_person_id"), "flag", ["person_id"], unique=False)
    op.create_table(
        "demographic_answer",
        sa.Column(
            "subject", sa.String(length=64), nullable=False, comment="HMAC of a person id, by a key of its own"
        ),
        sa.Column("sealed", sa.Text(), nullable=False, comment="the answers, encrypted"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_demographic_answer")),
    )
    op.create_table(
        "demographic_snapshot",
        sa.Column(
            "layer", sa.String(length=64), nullable=False, comment="'people', or the question whose answers"
        ),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, ... per layer"),
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published", sa.JSON(), nullable=False, comment="what anybody may see"),
        sa.Column("roster", sa.Text(), nullable=False, comment="who was counted where, encrypted"),
        sa.PrimaryKeyConstraint("layer", "number", name=op.f("pk_demographic_snapshot")),
    )
