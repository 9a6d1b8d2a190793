"""Who was invited or accepted on each platform, and who is a stranger there.

Revision: 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column(
            "status", sa.String(length=16), nullable=False, comment="invited, accepted or stranger"
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="who invited or accepted them"),
        sa.Column(
            "accepted_after",
            sa.Integer(),
            nullable=False,
            comment="the number of the last revision before; what they answered until then came in after it",
        ),
        sa.PrimaryKeyConstraint("person_id", "platform", name=op.f("pk_member")),
    )
    # who answered before there were members goes on to count
    op.execute(
        "INSERT INTO member (person_id, platform, status, since, decided_by, accepted_after) "
        "SELECT person_id, platform, 'accepted', min(synced_at), 'answered before there were members', 0 "
        "FROM annotation_revision WHERE platform <> 'imported' GROUP BY person_id, platform"
    )
