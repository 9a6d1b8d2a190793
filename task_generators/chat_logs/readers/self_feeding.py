"""The self-feeding chatbot's dialogs. Source: Hancock et al. (2019), arXiv 1901.05415."""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.parlai import DIALOG_READS, dialog

if TYPE_CHECKING:
    from task_generators.chat_logs.readers.reading import Reading, RowValue

NAME = "self-feeding"
COLUMNS = frozenset({"lines"})
PRECEDENCE = 30
READS = DIALOG_READS


def read(row: RowValue) -> Reading:
    """Read one dialog.

    Raises:
        RowError: its lines are not a dialog.
    """
    return dialog(row, NAME, None)
