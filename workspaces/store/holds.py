"""The tables of holds: points set aside for purchases, and the outcome of each hold.

``reward_engine.holds`` reads and writes them.
"""

from __future__ import annotations

import sqlalchemy as sa

from workspaces.store.schema import UTCDateTime, metadata

KEY = "hold/"
"""The beginning of the keys of transactions that begin or end a hold."""

hold = sa.Table(
    "hold",
    metadata,
    sa.Column("hold_id", sa.String(64), primary_key=True, comment="the caller's name for this purchase"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("mode", sa.String(16), nullable=False, comment="dynamic or direct"),
    sa.Column("price", sa.BigInteger, nullable=False, comment="points set aside"),
    sa.Column("rules_version", sa.String(64), nullable=False, comment="of the price list"),
    sa.Column("sequence", sa.Integer, sa.ForeignKey("ledger_transaction.sequence"), nullable=False),
    sa.Column("reserved_at", UTCDateTime, nullable=False),
    sa.Column("expires_at", UTCDateTime, nullable=False, index=True),
    sa.CheckConstraint("price > 0", name="price_positive"),
)

hold_outcome = sa.Table(
    "hold_outcome",
    metadata,
    sa.Column("hold_id", sa.String(64), sa.ForeignKey("hold.hold_id"), primary_key=True),
    sa.Column("outcome", sa.String(16), nullable=False, comment="captured, released or expired"),
    sa.Column("spent", sa.BigInteger, nullable=False, comment="points kept; the rest went back"),
    sa.Column("sequence", sa.Integer, sa.ForeignKey("ledger_transaction.sequence"), nullable=False),
    sa.Column("ended_at", UTCDateTime, nullable=False),
    sa.CheckConstraint("spent >= 0", name="spent_not_negative"),
)


def hold_named(key: str) -> str | None:
    """Return the id of the hold that a transaction with this key begins or ends; None for any other transaction."""
    return key.removeprefix(KEY).rpartition("/")[0] if key.startswith(KEY) else None
