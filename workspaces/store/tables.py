"""Every table of the store, in the order the data flows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite forgets time zones, so they are checked going in and restored coming out."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time without a zone; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back an aware time."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


person = sa.Table(
    "person",
    metadata,
    sa.Column("identity_hmac", sa.String(64), primary_key=True, comment="HMAC of a platform identity"),
    sa.Column("person_id", sa.String(24), nullable=False, index=True, comment="random pseudonym"),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

conversation = sa.Table(
    "conversation",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("content_hash", sa.String(24), nullable=False, index=True),
    sa.Column("part", sa.Text, nullable=False, comment="the collection file that holds its text"),
    sa.Column("giver_id", sa.String(24), index=True),
    sa.Column("state", sa.String(16), nullable=False, comment="held, shared, private or deleted"),
    sa.Column("share_at", UTCDateTime, nullable=False, comment="when a held conversation becomes shared"),
    sa.Column("added_at", UTCDateTime, nullable=False),
)

near_duplicate = sa.Table(
    "near_duplicate",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column(
        "group_id", sa.Text, nullable=False, index=True, comment="the smallest id of those that hang together"
    ),
)

left_out = sa.Table(
    "left_out",
    metadata,
    sa.Column("file", sa.Text, primary_key=True, comment="as it was named when it was read last"),
    sa.Column("kind", sa.String(16), primary_key=True, comment="rejected, cleaned or duplicate"),
    sa.Column("reason", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("read_at", UTCDateTime, nullable=False),
)

topic = sa.Table(
    "topic",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column(
        "terms", sa.JSON, nullable=False, comment="the words that tell it from others, the strongest first"
    ),
    sa.Column("named_by", sa.Text, nullable=False, comment="'terms', or the model that named it"),
    sa.Column("computed_at", UTCDateTime, nullable=False),
)

conversation_topic = sa.Table(
    "conversation_topic",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, index=True),
)

challenge = sa.Table(
    "challenge",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True, comment="who scored its first prompt"),
    sa.Column("prompt_version", sa.String(32), primary_key=True),
    sa.Column("criteria", sa.JSON, nullable=False, comment="those of the seven that the prompt meets"),
    sa.Column("score", sa.Integer, nullable=False, comment="how many: 0 to 7"),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

moderation = sa.Table(
    "moderation",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True, comment="the model that was asked"),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("flagged", sa.Boolean, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False, comment="those it was flagged for"),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

seed_feedback = sa.Table(
    "seed_feedback",
    metadata,
    sa.Column("message_id", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("prompt_version", sa.String(32), primary_key=True),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("significance", sa.String(8), nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

task = sa.Table(
    "task",
    metadata,
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("message_ids", sa.JSON, nullable=False),
    sa.Column("conversation_ids", sa.JSON, nullable=False),
    sa.Column("significance", sa.String(8), nullable=False),
    sa.Column("quote", sa.JSON, nullable=False, comment="points promised, by paid part of the answer"),
    sa.Column("rules_version", sa.String(64), nullable=False),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("overlap", sa.Integer, nullable=False),
    sa.Column("created_at", UTCDateTime, nullable=False),
)

placement = sa.Table(
    "placement",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("remote_id", sa.Text, nullable=False, comment="the platform's own id of the task"),
    sa.Column("container_id", sa.Text, nullable=False, comment="Argilla dataset or Label Studio project"),
    sa.Column("pushed_at", UTCDateTime, nullable=False),
)

annotation_revision = sa.Table(
    "annotation_revision",
    metadata,
    sa.Column("annotation_id", sa.String(24), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, comment="1, 2, ... in the order they were seen"),
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), nullable=False, index=True),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column("response_id", sa.Text, nullable=False, comment="the platform's own id of the answer"),
    sa.Column("status", sa.String(16), nullable=False),
    # 'values' is a word of SQL's own
    sa.Column("answers", sa.JSON, nullable=False),
    sa.Column("content_hash", sa.String(24), nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False, comment="by the platform's clock"),
    sa.Column("synced_at", UTCDateTime, nullable=False),
)

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
    sa.Index("ix_ledger_entry_account", "account"),
)

settlement = sa.Table(
    "settlement",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("task_id", sa.String(24), primary_key=True),
    sa.Column("part", sa.String(32), primary_key=True, comment="the paid part of the answer"),
    sa.Column("sequence", sa.Integer, sa.ForeignKey("ledger_transaction.sequence"), primary_key=True),
    sa.Column(
        "annotation_id", sa.String(24), nullable=False, comment="the answer that this pays or corrects"
    ),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("multiplier", sa.Float, nullable=False, comment="the person's, when the answer was first paid"),
    sa.Column("delta", sa.BigInteger, nullable=False, comment="points moved by this transaction"),
)

confidence = sa.Table(
    "confidence",
    metadata,
    sa.Column("snapshot_at", UTCDateTime, primary_key=True),
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("value", sa.Float, nullable=False),
    sa.Column("low", sa.Float, nullable=False),
    sa.Column("high", sa.Float, nullable=False),
    sa.Column("n_answers", sa.Integer, nullable=False),
    sa.Column("n_divergent", sa.Float, nullable=False, comment="answers against the others' majority"),
    sa.Column("multiplier", sa.Float, nullable=False),
)
