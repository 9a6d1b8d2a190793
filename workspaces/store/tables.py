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

person_settings = sa.Table(
    "person_settings",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("set_at", UTCDateTime, primary_key=True, comment="these hold until the person's next row"),
    sa.Column("display_name", sa.String(40), comment="null: shown by pseudonym"),
    sa.Column("time_zone", sa.String(64), comment="IANA name; null: the one of the rules"),
    sa.Column("hidden", sa.Boolean, nullable=False, comment="left out of the leaderboard"),
)

demographic_answer = sa.Table(
    "demographic_answer",
    metadata,
    sa.Column("subject", sa.String(64), primary_key=True, comment="HMAC of a person id, by a key of its own"),
    sa.Column("sealed", sa.Text, nullable=False, comment="the answers, encrypted"),
)

demographic_snapshot = sa.Table(
    "demographic_snapshot",
    metadata,
    sa.Column("layer", sa.String(64), primary_key=True, comment="'people', or the question whose answers"),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False, comment="1, 2, ... per layer"),
    sa.Column("snapshot_at", UTCDateTime, nullable=False),
    sa.Column("published", sa.JSON, nullable=False, comment="what anybody may see"),
    sa.Column("roster", sa.Text, nullable=False, comment="who was counted where, encrypted"),
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
    sa.Column("shared_at", UTCDateTime, comment="when it was shared for the first time"),
)

consent_event = sa.Table(
    "consent_event",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column(
        "conversation_id",
        sa.Text,
        nullable=False,
        index=True,
        comment="a keyed hash of it once it is deleted",
    ),
    sa.Column(
        "state", sa.String(16), nullable=False, comment="what was asked for: shared, private or deleted"
    ),
    sa.Column("at", UTCDateTime, nullable=False),
    sa.Column("asked_by", sa.String(24), nullable=False, comment="a pseudonym, 'giver' or 'lead'"),
    sa.Column("reason", sa.Text),
)

deletion = sa.Table(
    "deletion",
    metadata,
    sa.Column("receipt_id", sa.String(24), primary_key=True),
    sa.Column(
        "person_id", sa.String(24), index=True, comment="the person to be forgotten, if it is about one"
    ),
    sa.Column("asked_at", UTCDateTime, nullable=False),
    sa.Column("asked_by", sa.String(24), nullable=False, comment="a pseudonym, 'giver' or 'lead'"),
    sa.Column("reason", sa.Text),
    sa.Column("removed", sa.JSON, nullable=False, comment="how much of what was removed where"),
    sa.Column("completed_at", UTCDateTime, comment="when the last trace was gone"),
)

tombstone = sa.Table(
    "tombstone",
    metadata,
    sa.Column("conversation_hmac", sa.String(64), primary_key=True, comment="keyed hash of the id"),
    sa.Column("content_hmac", sa.String(64), nullable=False, index=True, comment="keyed hash of the text"),
    sa.Column("receipt_id", sa.String(24), sa.ForeignKey("deletion.receipt_id"), nullable=False, index=True),
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
    sa.Column("kind", sa.String(16), primary_key=True, comment="rejected, cleaned or deleted"),
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

llm_usage = sa.Table(
    "llm_usage",
    metadata,
    sa.Column("usage_id", sa.String(24), primary_key=True),
    sa.Column("used_at", UTCDateTime, nullable=False),
    sa.Column("purpose", sa.String(32), nullable=False, comment="what was asked for, such as 'seed'"),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("unmetered", sa.Integer, nullable=False, comment="replies that did not say their tokens"),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost_micros", sa.BigInteger, comment="millionths of the currency; null: no price was known"),
    sa.Column("currency", sa.String(3), nullable=False),
)

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("version", sa.String(64), primary_key=True),
    sa.Column("rates", sa.JSON, nullable=False, comment="the whole of the configuration's rates"),
    sa.Column("first_used_at", UTCDateTime, nullable=False),
    sa.Column(
        "holds_from", UTCDateTime, nullable=False, unique=True, comment="work from then on is judged by it"
    ),
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
    sa.Column("seed_agent", sa.Text, comment="whose seed feedback annotators see; null: blind"),
    sa.Column("seed_prompt_version", sa.String(32)),
    sa.Column("reask_of", sa.String(24), comment="the task that this one asks a second time"),
)

gold = sa.Table(
    "gold",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("answer", sa.Text, nullable=False, comment="the right one, by the project lead"),
    sa.Column("added_at", UTCDateTime, nullable=False),
)

placement = sa.Table(
    "placement",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("remote_id", sa.Text, nullable=False, comment="the platform's own id of the task"),
    sa.Column("container_id", sa.Text, nullable=False, comment="Argilla dataset or Label Studio project"),
    sa.Column("pushed_at", UTCDateTime, nullable=False),
)

push_begun = sa.Table(
    "push_begun",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    comment="tasks that may stand on their platform although no placement says so",
)

withdrawal = sa.Table(
    "withdrawal",
    metadata,
    sa.Column("task_id", sa.String(24), sa.ForeignKey("task.task_id"), primary_key=True),
    sa.Column("platform", sa.String(32), nullable=False),
    sa.Column(
        "remote_id", sa.Text, comment="the platform's own id of the task; null where it has to be found"
    ),
    sa.Column("container_id", sa.Text),
    sa.Column("forget", sa.Boolean, nullable=False, comment="whether its conversation is deleted"),
    comment="tasks that still have to be taken off their platform",
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
    sa.Index("ix_ledger_entry_account", "account"),
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
"""The sums of ``ledger_entry``, kept in the transaction that posts; ``ledger verify`` compares the two."""

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

sharing_settlement = sa.Table(
    "sharing_settlement",
    metadata,
    sa.Column("person_id", sa.String(24), primary_key=True),
    sa.Column("conversation_key", sa.String(24), primary_key=True, comment="a hash of the conversation's id"),
    sa.Column("sequence", sa.Integer, sa.ForeignKey("ledger_transaction.sequence"), primary_key=True),
    sa.Column("delta", sa.BigInteger, nullable=False, comment="points moved by this transaction"),
)

flag = sa.Table(
    "flag",
    metadata,
    sa.Column("flag_id", sa.String(24), primary_key=True),
    sa.Column("person_id", sa.String(24), nullable=False, index=True),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False, comment="figures and item ids"),
    sa.Column("weight", sa.Integer, nullable=False, comment="answers that the evidence rests on"),
    sa.Column("created_at", UTCDateTime, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, comment="open, accepted or dismissed"),
    sa.Column("reviewed_at", UTCDateTime),
    sa.Column("reviewed_by", sa.Text),
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
    sa.Column("gold_accuracy", sa.Float, comment="share of right answers to gold, shrunk; null: none given"),
    sa.Column("gold_low", sa.Float),
    sa.Column("gold_high", sa.Float),
    sa.Column("gold_answers", sa.Integer),
    sa.Column("gold_right", sa.Integer),
    sa.Column(
        "self_consistency", sa.Float, comment="share given alike twice, shrunk; null: none asked twice"
    ),
    sa.Column("self_low", sa.Float),
    sa.Column("self_high", sa.Float),
    sa.Column("repeated_answers", sa.Integer),
    sa.Column("repeated_alike", sa.Integer),
)

item_posterior = sa.Table(
    "item_posterior",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("question", sa.String(64), primary_key=True),
    sa.Column("item", sa.Text, primary_key=True, comment="message ids, joined by '|'"),
    sa.Column("votes", sa.JSON, nullable=False, comment="answers by value"),
    sa.Column("probabilities", sa.JSON, nullable=False, comment="of each value, by Dawid-Skene"),
    sa.Column("judged_at", UTCDateTime, nullable=False, comment="when the figures last changed"),
)
