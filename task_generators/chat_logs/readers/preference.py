"""Preference files of trainers: a prompt, the response that was chosen and the one that was rejected.

TRL's two forms (with a prompt of its own, and two whole conversations), strings (Orca's pairs), ShareGPT's turns,
UltraFeedback with scores, and the forms of LLaMA-Factory, axolotl, OpenRLHF, verl and our own exports. A row says
which response is better, not who said so. Source: the documentation of these trainers in November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.comparisons import compared
from task_generators.chat_logs.readers.contexts import CONTEXT_READS, has_prompt, response_reads
from task_generators.chat_logs.readers.fields import text
from task_generators.chat_logs.readers.uses import MODEL, RATER, SCORE

if TYPE_CHECKING:
    from task_generators.chat_logs.readers.reading import Reading, RowValue

NAME = "preference"
COLUMNS = frozenset({"chosen", "rejected"})
PRECEDENCE = 75
_SCORES = {
    f"{before}{side}{after}": number
    for number, side in enumerate(("chosen", "rejected"))
    for before, after in (("score_", ""), ("", "_score"), ("", "_rating"))
}
READS = {
    **CONTEXT_READS,
    **response_reads("chosen"),
    **response_reads("rejected"),
    **dict.fromkeys(_SCORES, SCORE),
    "chosen_model|chosen-model": MODEL,
    "rejected_model|rejected-model": MODEL,
    "annotator": RATER,
}


def matches(row: RowValue) -> bool:
    """Return whether a row has a prompt of its own, or two lists of messages: two texts alone are transcripts."""
    return has_prompt(row) or not (isinstance(row["chosen"], str) and isinstance(row["rejected"], str))


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: a response is missing, or a turn is malformed.
    """
    sides = ("chosen", "rejected")
    models = [text(row.get(f"{side}_model")) or text(row.get(f"{side}-model")) for side in sides]
    return compared(
        row,
        NAME,
        [(side, row.get(side)) for side in sides],
        [(0, 1, 0)],
        vote_column="chosen",
        scores=_SCORES,
        models=models,
    )
