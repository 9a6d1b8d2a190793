"""The tables of the ledger: transactions, their entries, and the balances of accounts.

Only ``reward_engine.ledger`` writes them; a trigger refuses to update or delete transactions and entries.
"""

from __future__ import annotations

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime, metadata

ledger_transaction = sa.Table(
    "ledger_transaction",
    metadata,
    sa.Column(
        "sequence", sa.Integer, primary_key=True, autoincrement=False, comment="1, 2, ... without a gap"
    ),
    sa.Column("key", sa.Text, nullable=False, unique=True, comment="what this transaction is for, said once"),
    sa.Column("request_hash", sa.String(64), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("rules_version", sa.String(64), nullable=False),
    sa.Column("event_at", UTCDateTime, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Index("ix_ledger_transaction_event_at", "event_at"),
)

ledger_entry = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column(
        "sequence",
        sa.Integer,
        sa.ForeignKey("ledger_transaction.sequence"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("account", sa.String(64), primary_key=True, comment="'person:ID' or 'treasury'"),
    sa.Column("amount", sa.BigInteger, nullable=False, comment="Compute Points; entries sum to zero"),
    sa.CheckConstraint("amount <> 0", name="amount_not_zero"),
    sa.Index("ix_ledger_entry_account_sequence", "account", "sequence"),
)

ledger_balance = sa.Table(
    "ledger_balance",
    metadata,
    sa.Column("account", sa.String(64), primary_key=True),
    sa.Column("balance", sa.BigInteger, nullable=False, comment="sum of the account's entries"),
    sa.Column("earned", sa.BigInteger, nullable=False, comment="a person's points from the treasury, net"),
    sa.CheckConstraint(
        "balance >= 0 OR (substr(account, 1, 7) <> 'person:' AND substr(account, 1, 5) <> 'held:')",
        name="not_below_zero",
    ),
    sa.Index("ix_ledger_balance_earned", "earned"),
)
"""The sums of ``ledger_entry``, updated in the transaction that posts; ``ledger verify`` compares the two."""
