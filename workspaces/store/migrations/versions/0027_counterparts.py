"""Generated counterparts of responses with what came of the requests for them, and embeddings and topics by language.

Revision: 0027.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.create_table(
        "counterpart",
        sa.Column(
            "request_id", sa.String(24), primary_key=True, comment="hash of model, parameters and all that is sent"
        ),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=False, comment="the message that the response answers"),
        sa.Column("agent", sa.Text(), nullable=False, comment="the model"),
        sa.Column("parameters", sa.Text(), nullable=False, comment="JSON"),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True, comment="of an unusable reply, redacted, cut and printable"),
        sa.Column("response", sa.Text(), nullable=True, comment="redacted; null once it stands in the collection"),
        sa.Column("rating", sa.JSON(), nullable=True, comment="the model's rating of its own response, by question"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_counterpart_conversation_id", "counterpart", ["conversation_id"])
    op.create_index("ix_counterpart_agent_state", "counterpart", ["agent", "state"])
    op.create_table(
        "prompt_embedding",
        sa.Column("conversation_id", sa.Text(), primary_key=True),
        sa.Column("agent", sa.Text(), primary_key=True, comment="the model"),
        sa.Column("text_hash", sa.String(24), nullable=False, comment="of the first prompt"),
        sa.Column(
            "vector", sa.LargeBinary(), comment="16-bit floats of length 1 together; null: the text was refused"
        ),
    )
    op.create_index("ix_prompt_embedding_text", "prompt_embedding", ["agent", "text_hash"])
    op.add_column(
        "topic",
        sa.Column("language", sa.Text(), comment="of its prompts, where topics are made for several languages"),
    )
