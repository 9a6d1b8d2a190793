"""NeMo's preference files: a context, and completions with ranks, of which 0 is the best.

Source: NeMo-RL's guides to DPO and reward models, as of November 2026.
"""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.comparisons import compared
from task_generators.chat_logs.readers.contexts import CONTEXT_READS, response_reads
from task_generators.chat_logs.readers.fields import number, text
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import turns_of
from task_generators.chat_logs.readers.uses import MODEL, RANK

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "ranked-completions"
COLUMNS = frozenset({"completions"})
PRECEDENCE = 165
READS = {
    **CONTEXT_READS,
    "completions[].rank": RANK,
    "completions[].model": MODEL,
    **response_reads("completions[].completion"),
}
MOST_COMPARED = 20
"""Of more completions only neighbours by rank are compared."""


def matches(row: RowValue) -> bool:
    """Return whether the completions have ranks."""
    completions = row["completions"]
    return isinstance(completions, str | dict) or (
        isinstance(completions, list)
        and any(isinstance(each, dict) and "completion" in each for each in completions[:20])
    )


def read(row: RowValue) -> Reading:
    """Read one row. Completions of one rank are a tie.

    Raises:
        RowError: a completion or its rank is missing, or a turn is malformed.
    """
    completions = turns_of(row, "completions")
    responses: list[tuple[str, object]] = []
    models: list[str | None] = []
    ranks: list[tuple[float, int]] = []
    for place, each in enumerate(completions):
        rank = number(each.get("rank")) if isinstance(each, dict) else None
        if not isinstance(each, dict) or rank is None:
            raise RowError(f"a completion has no rank: completion {place}")
        responses.append(("completion", each.get("completion")))
        models.append(text(each.get("model")))
        ranks.append((float(rank), place))
    ranks.sort()
    pairs: Iterable[tuple[tuple[float, int], tuple[float, int]]] = (
        combinations(ranks, 2) if len(ranks) <= MOST_COMPARED else pairwise(ranks)
    )
    votes = [(first, second, None if best == worse else first) for (best, first), (worse, second) in pairs]
    return compared(row, NAME, responses, votes, vote_column="rank", models=models)
