"""What counts towards the budget of replies that did not tell their tokens.

Revision: 0036.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column(
        "llm_usage",
        sa.Column(
            "charged_micros",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="the most that requests can cost whose tokens are not known; it counts towards llm.budget",
        ),
    )
