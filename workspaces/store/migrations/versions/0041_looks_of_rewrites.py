"""What a rewrite looks like, so that whoever wrote the same text is known; the next sync or settlement notes it.

Revision: 0041.
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.add_column(
        "rewrite",
        sa.Column(
            "looks",
            sa.String(24),
            comment="hash of what its text looks like; empty: it is erased; null: not noted yet",
        ),
    )
    op.create_index("ix_rewrite_looks", "rewrite", ["looks"])
