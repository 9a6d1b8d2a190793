"""The first schema.

Revision: 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = ("ledger_transaction", "ledger_entry", "settlement")
"""Tables in which the database itself refuses update and delete."""


def upgrade() -> None:
    op.create_table(
        "confidence",
        sa.Column("snapshot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("question", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("n_answers", sa.Integer(), nullable=False),
        sa.Column("n_divergent", sa.Float(), nullable=False, comment="answers against the others' majority"),
        sa.Column("multiplier", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("snapshot_at", "person_id", "question", name=op.f("pk_confidence")),
    )
    op.create_table(
        "conversation",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=24), nullable=False),
        sa.Column("part", sa.Text(), nullable=False, comment="the collection file that holds its text"),
        sa.Column("giver_id", sa.String(length=24), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False, comment="held, shared, private or deleted"),
        sa.Column(
            "share_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when a held conversation becomes shared",
        ),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversation")),
    )
    op.create_index(op.f("ix_conversation_content_hash"), "conversation", ["content_hash"], unique=False)
    op.create_index(op.f("ix_conversation_giver_id"), "conversation", ["giver_id"], unique=False)
    op.create_table(
        "ledger_transaction",
        sa.Column(
            "sequence", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, ... without a gap"
        ),
        sa.Column("key", sa.Text(), nullable=False, comment="what this transaction is for, said once"),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.String(length=64), nullable=False),
        sa.Column("event_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("hash", name=op.f("uq_ledger_transaction_hash")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_transaction_key")),
    )
    op.create_table(
        "person",
        sa.Column(
            "identity_hmac", sa.String(length=64), nullable=False, comment="HMAC of a platform identity"
        ),
        sa.Column("person_id", sa.String(length=24), nullable=False, comment="random pseudonym"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity_hmac", name=op.f("pk_person")),
    )
    op.create_index(op.f("ix_person_person_id"), "person", ["person_id"], unique=False)
    op.create_table(
        "seed_feedback",
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.String(length=32), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("significance", sa.String(length=8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "agent", "prompt_version", name=op.f("pk_seed_feedback")),
    )
    op.create_table(
        "task",
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("message_ids", sa.JSON(), nullable=False),
        sa.Column("conversation_ids", sa.JSON(), nullable=False),
        sa.Column("significance", sa.String(length=8), nullable=False),
        sa.Column("quote", sa.JSON(), nullable=False, comment="points promised, by paid part of the answer"),
        sa.Column("rules_version", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("overlap", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_task")),
    )
    op.create_table(
        "annotation_revision",
        sa.Column("annotation_id", sa.String(length=24), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, comment="1, 2, ... in the order they were seen"),
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=False, comment="the platform's own id of the answer"),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(length=24), nullable=False),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), nullable=False, comment="by the platform's clock"
        ),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.task_id"], name=op.f("fk_annotation_revision_task_id")),
        sa.PrimaryKeyConstraint("annotation_id", "revision", name=op.f("pk_annotation_revision")),
    )
    op.create_index(
        op.f("ix_annotation_revision_person_id"), "annotation_revision", ["person_id"], unique=False
    )
    op.create_index(op.f("ix_annotation_revision_task_id"), "annotation_revision", ["task_id"], unique=False)
    op.create_table(
        "ledger_entry",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False, comment="'person:ID' or 'treasury'"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="Compute Points; entries sum to zero"),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entry_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["sequence"], ["ledger_transaction.sequence"], name=op.f("fk_ledger_entry_sequence")
        ),
        sa.PrimaryKeyConstraint("sequence", "account", name=op.f("pk_ledger_entry")),
    )
    op.create_index("ix_ledger_entry_account", "ledger_entry", ["account"], unique=False)
    op.create_table(
        "placement",
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False, comment="the platform's own id of the task"),
        sa.Column(
            "container_id", sa.Text(), nullable=False, comment="Argilla dataset or Label Studio project"
        ),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.task_id"], name=op.f("fk_placement_task_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_placement")),
    )
    op.create_table(
        "settlement",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("task_id", sa.String(length=24), nullable=False),
        sa.Column("part", sa.String(length=32), nullable=False, comment="the paid part of the answer"),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column(
            "annotation_id",
            sa.String(length=24),
            nullable=False,
            comment="the answer that this pays or corrects",
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "multiplier", sa.Float(), nullable=False, comment="the person's, when the answer was first paid"
        ),
        sa.Column("delta", sa.BigInteger(), nullable=False, comment="points moved by this transaction"),
        sa.ForeignKeyConstraint(
            ["sequence"], ["ledger_transaction.sequence"], name=op.f("fk_settlement_sequence")
        ),
        sa.PrimaryKeyConstraint("person_id", "task_id", "part", "sequence", name=op.f("pk_settlement")),
    )
    for table in APPEND_ONLY:
        _refuse_changes(table)


def _refuse_changes(table: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
