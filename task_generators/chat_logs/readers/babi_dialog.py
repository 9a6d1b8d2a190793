"""The bAbI dialog tasks: booking a table, with calls and their results.

Source: Bordes et al. (2017), arXiv 1605.07683.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.parlai import DIALOG_READS, dialog, has_marks

if TYPE_CHECKING:
    from task_generators.chat_logs.readers.reading import Reading, RowValue

NAME = "babi-dialog"
COLUMNS = frozenset({"lines"})
PRECEDENCE = 40
READS = DIALOG_READS
LICENCE = "CC-BY-3.0"


def matches(row: RowValue) -> bool:
    """Return whether a dialog has a mark of bAbI's dialogs: silence, or an API call."""
    return has_marks(row, ("<SILENCE>", "api_call"))


def read(row: RowValue) -> Reading:
    """Read one dialog.

    Raises:
        RowError: its lines are not a dialog.
    """
    return dialog(row, NAME, LICENCE)
