"""Balances kept beside the ledger's entries, and holds for what points buy.

Revision: 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

APPEND_ONLY = ("hold", "hold_outcome")
"""Tables in which the database itself refuses update and delete."""


def upgrade() -> None:
    op.create_table(
        "ledger_balance",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False, comment="sum of the account's entries"),
        sa.Column("earned", sa.BigInteger(), nullable=False, comment="a person's points from the treasury, net"),
        sa.CheckConstraint(
            "balance >= 0 OR (substr(account, 1, 7) <> 'person:' AND substr(account, 1, 5) <> 'held:')",
            name=op.f("ck_ledger_balance_not_below_zero"),
        ),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_ledger_balance")),
    )
    op.create_index("ix_ledger_balance_earned", "ledger_balance", ["earned"], unique=False)
    op.create_table(
        "hold",
        sa.Column("hold_id", sa.String(length=64), nullable=False, comment="the caller's name for this purchase"),
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False, comment="dynamic or direct"),
        sa.Column("price", sa.BigInteger(), nullable=False, comment="points set aside"),
        sa.Column("rules_version", sa.String(length=64), nullable=False, comment="of the price list"),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price > 0", name=op.f("ck_hold_price_positive")),
        sa.ForeignKeyConstraint(["sequence"], ["ledger_transaction.sequence"], name=op.f("fk_hold_sequence")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold")),
    )
    op.create_index(op.f("ix_hold_person_id"), "hold", ["person_id"], unique=False)
    op.create_index(op.f("ix_hold_expires_at"), "hold", ["expires_at"], unique=False)
    op.create_table(
        "hold_outcome",
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="captured, released or expired"),
        sa.Column("spent", sa.BigInteger(), nullable=False, comment="points kept; the rest went back"),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("spent >= 0", name=op.f("ck_hold_outcome_spent_not_negative")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.hold_id"], name=op.f("fk_hold_outcome_hold_id")),
        sa.ForeignKeyConstraint(
            ["sequence"], ["ledger_transaction.sequence"], name=op.f("fk_hold_outcome_sequence")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold_outcome")),
    )
    for table in APPEND_ONLY:
        _refuse_changes(table)
    # every transaction so far moved points between the treasury and a person
    op.execute(
        "INSERT INTO ledger_balance (account, balance, earned) "
        "SELECT account, SUM(amount), "
        "CASE WHEN substr(account, 1, 7) = 'person:' THEN SUM(amount) ELSE 0 END "
        "FROM ledger_entry GROUP BY account"
    )


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
