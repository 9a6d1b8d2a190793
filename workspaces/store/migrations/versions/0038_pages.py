"""Indexes for one's own page: the last movements of an account, what they are for, a person's last answers.

Revision: 0038.
"""

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_index("ix_ledger_entry_account_sequence", "ledger_entry", ["account", "sequence"])
    op.drop_index("ix_ledger_entry_account", "ledger_entry")
    op.create_index(
        "ix_annotation_revision_person_id_updated_at", "annotation_revision", ["person_id", "updated_at"]
    )
    op.drop_index("ix_annotation_revision_person_id", "annotation_revision")
    op.create_index("ix_settlement_sequence", "settlement", ["sequence"])
    op.create_index("ix_sharing_settlement_sequence", "sharing_settlement", ["sequence"])
