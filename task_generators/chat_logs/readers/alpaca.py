"""Alpaca's instructions: ``instruction``, what it is about (``input``), and ``output``; ``system`` and ``history``.

Source: Taori et al. (2023), Stanford Alpaca; the documentation of LLaMA-Factory in November 2026.
"""

from __future__ import annotations

from task_generators.chat_logs.readers.branches import branched
from task_generators.chat_logs.readers.contexts import (
    CONTEXT_READS,
    answered,
    conversation_of,
    id_of,
    response_reads,
)
from task_generators.chat_logs.readers.fields import text
from task_generators.chat_logs.readers.reading import Reading, RowValue
from task_generators.chat_logs.readers.uses import MODEL

NAME = "alpaca"
COLUMNS = frozenset({"instruction", "output"})
PRECEDENCE = 15
READS = {**CONTEXT_READS, **response_reads("output"), "model": MODEL}
IGNORES = {"text": "instruction, input and output in one text"}


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: the instruction or the output is missing, or they are not text.
    """
    conversation_id = id_of(row, NAME)
    model_name = text(row.get("model"))
    paths = answered(row, [("output", row.get("output"))], [model_name])
    messages, _ = branched(conversation_id, paths)
    return Reading(conversation_of(row, NAME, conversation_id, messages, model_name))
