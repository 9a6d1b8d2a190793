"""OpenAI's files for preference fine-tuning: ``input``, ``preferred_output`` and ``non_preferred_output``.

Source: OpenAI's guide to direct preference optimization, as of November 2026.
"""

from __future__ import annotations

from task_generators.chat_logs.readers.comparisons import compared
from task_generators.chat_logs.readers.contexts import ABOUT, response_reads
from task_generators.chat_logs.readers.fields import mapping
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turn_columns import turns as turn_reads
from task_generators.chat_logs.readers.uses import ANY_METADATA, ID, LANGUAGE, LICENCE, METADATA, SOURCE, TIME

NAME = "openai-preference"
COLUMNS = frozenset({"input", "preferred_output", "non_preferred_output"})
PRECEDENCE = 170
READS = {
    "conversation_id|id|prompt_id": ID,
    **turn_reads("input.messages"),
    "input.tools": ANY_METADATA,
    **response_reads("preferred_output"),
    **response_reads("non_preferred_output"),
    **dict.fromkeys(ABOUT, ANY_METADATA),
    "source": SOURCE,
    "timestamp|created": TIME,
    "licence|license": LICENCE,
    "language": LANGUAGE,
    "metadata": METADATA,
}
IGNORES = {"input.parallel_tool_calls": "how the model was called"}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: a response is missing, or a turn is malformed.
    """
    given = row.get("input")
    if isinstance(given, str):
        given = mapping(given)
    if not isinstance(given, dict):
        raise RowError("input is not an object with messages")
    flat = {
        name: value
        for name, value in row.items()
        if name
        in (
            "conversation_id",
            "id",
            "prompt_id",
            "source",
            "timestamp",
            "created",
            "licence",
            "license",
            "language",
            "metadata",
            *ABOUT,
        )
    }
    return compared(
        {**flat, "messages": given.get("messages"), "tools": given.get("tools")},
        NAME,
        [(column, row.get(column)) for column in ("preferred_output", "non_preferred_output")],
        [(0, 1, 0)],
        vote_column="preferred_output",
    )
