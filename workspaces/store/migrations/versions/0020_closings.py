"""Items whose posterior has closed, for points that vest; judges with corrections; people can be barred.

Revision: 0020.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "item_closing",
        sa.Column(
            "closing_key",
            sa.String(length=24),
            nullable=False,
            comment="a hash of kind, question and item",
        ),
        sa.Column(
            "probability", sa.Float(), nullable=False, comment="of the most probable value then"
        ),
        sa.Column("answers", sa.Integer(), nullable=False, comment="people who had answered"),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("closing_key", name=op.f("pk_item_closing")),
    )
    op.create_table(
        "judge_prompt",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.String(length=32), nullable=False),
        sa.Column(
            "base_version", sa.String(length=32), nullable=False, comment="the prompt without corrections"
        ),
        sa.Column("asked", sa.Integer(), nullable=False, comment="llm.corrections when they were drawn"),
        sa.Column(
            "corrections", sa.JSON(), nullable=False, comment="hash of the item, and what people said"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agent", "prompt_version", name=op.f("pk_judge_prompt")),
    )
    if op.get_context().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("member", "status", comment="invited, accepted, stranger or barred")
        op.alter_column("member", "decided_by", comment="who invited, accepted or barred them")
        op.execute(
            "CREATE FUNCTION item_closing_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'item_closing is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER item_closing_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON item_closing "
            "FOR EACH STATEMENT EXECUTE FUNCTION item_closing_append_only()"
        )
        return
    for action in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER item_closing_no_{action.lower()} BEFORE {action} ON item_closing "
            "BEGIN SELECT RAISE(ABORT, 'item_closing is append-only'); END"
        )
