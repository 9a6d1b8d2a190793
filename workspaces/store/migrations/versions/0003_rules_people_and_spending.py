"""Versions of the rules, people's settings, the bonus for shared chat logs, and what LLM calls cost.

Revision: 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "person_settings",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column(
            "set_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="these hold until the person's next row",
        ),
        sa.Column("display_name", sa.String(length=40), nullable=True, comment="null: shown by pseudonym"),
        sa.Column(
            "time_zone", sa.String(length=64), nullable=True, comment="IANA name; null: the one of the rules"
        ),
        sa.Column("hidden", sa.Boolean(), nullable=False, comment="left out of the leaderboard"),
        sa.PrimaryKeyConstraint("person_id", "set_at", name=op.f("pk_person_settings")),
    )
    op.create_table(
        "llm_usage",
        sa.Column("usage_id", sa.String(length=24), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "purpose", sa.String(length=32), nullable=False, comment="what was asked for, such as 'seed'"
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column(
            "unmetered", sa.Integer(), nullable=False, comment="replies that did not say their tokens"
        ),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column(
            "cost_micros",
            sa.BigInteger(),
            nullable=True,
            comment="millionths of the currency; null: no price was known",
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("usage_id", name=op.f("pk_llm_usage")),
    )
    op.create_table(
        "rules",
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("rates", sa.JSON(), nullable=False, comment="the whole of the configuration's rates"),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "holds_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="work from then on is judged by it",
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_rules")),
        sa.UniqueConstraint("holds_from", name=op.f("uq_rules_holds_from")),
    )
    op.create_table(
        "sharing_settlement",
        sa.Column("person_id", sa.String(length=24), nullable=False),
        sa.Column(
            "conversation_key",
            sa.String(length=24),
            nullable=False,
            comment="a hash of the conversation's id",
        ),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False, comment="points moved by this transaction"),
        sa.ForeignKeyConstraint(
            ["sequence"], ["ledger_transaction.sequence"], name=op.f("fk_sharing_settlement_sequence")
        ),
        sa.PrimaryKeyConstraint(
            "person_id", "conversation_key", "sequence", name=op.f("pk_sharing_settlement")
        ),
    )
    op.create_index("ix_ledger_transaction_event_at", "ledger_transaction", ["event_at"], unique=False)
    _refuse_changes("sharing_settlement")
    _refuse_changes("rules")


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
