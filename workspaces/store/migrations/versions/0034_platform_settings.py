"""What the workbench wrote as settings of datasets and projects.

Revision: 0034.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.create_table(
        "platform_setting",
        sa.Column("platform", sa.String(32), primary_key=True),
        sa.Column("container_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(128), primary_key=True),
        sa.Column(
            "written", sa.String(64), comment="hash of what we wrote last; null: it is left to the platform"
        ),
        sa.Column("writing", sa.String(64), comment="hash of what we are about to write"),
    )
