"""Tables beside chat logs that hold no texts: what they are, for whoever gives one to a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from task_generators.chat_logs.readers.reading import RowValue

_TABLES = {
    frozenset({"person_id", "task_id", "pair_id", "preferred"}): "votes of an export",
    frozenset({"person_id", "task_id", "label_id", "answer"}): "votes of an export",
    frozenset({"pair_id", "chosen_message_ids", "rejected_message_ids"}): "the provenance of an export",
    frozenset({"label_id", "message_ids", "basis"}): "the provenance of an export",
    frozenset({"reason", "task_id", "annotation_id"}): "what an export left out",
    frozenset({"id", "split", "digest", "conversation_ids"}): "the items of an export",
}
"""Names of tables by columns that only they have."""


def table_without_text(row: RowValue) -> str | None:
    """Return what a row is of that holds ids and counts and no text; None for any other row."""
    return next((name for columns, name in _TABLES.items() if row.keys() >= columns), None)
