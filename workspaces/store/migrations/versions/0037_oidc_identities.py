"""Which identities are accounts at the OpenID provider.

Revision: 0037.
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column(
        "person",
        sa.Column("kind", sa.String(16), comment="oidc: an account at the OpenID provider; null: any other"),
    )
