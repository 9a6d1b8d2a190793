"""The self-feeding chatbot's dialogs. Source: Hancock et al. (2019), arXiv 1901.05415."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.readers.parlai import dialog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from task_generators.chat_logs.readers.reading import Reading

NAME = "self-feeding"
COLUMNS = frozenset({"lines"})


def read(row: Mapping[str, Any]) -> Reading:
    """Read one dialog.

    Raises:
        RowError: its lines are no dialog.
    """
    return dialog(row, NAME, None)
