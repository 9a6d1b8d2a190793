"""What of rows that were read did not enter the collection: values, and turns that cleaning cuts.

Revision: 0014.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column(
        "left_out",
        sa.Column(
            "unit", sa.String(length=16), nullable=False, server_default="rows", comment="rows, values or turns"
        ),
    )
    op.add_column(
        "left_out", sa.Column("example", sa.Text(), nullable=True, comment="a value, redacted; null: none is shown")
    )
