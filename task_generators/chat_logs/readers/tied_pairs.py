"""The pairs without a majority of our own exports: a prompt, two responses, and how many people voted for each.

Each vote that is counted is that of another unnamed person.
"""

from __future__ import annotations

from dataclasses import replace

from task_generators.chat_logs.readers.comparisons import compared
from task_generators.chat_logs.readers.contexts import CONTEXT_READS, response_reads
from task_generators.chat_logs.readers.fields import number, text
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.uses import LICENCE, MODEL, RANK, SOURCE

NAME = "tied-pairs"
COLUMNS = frozenset({"prompt", "first", "second", "votes_first", "votes_second", "votes_tie"})
PRECEDENCE = 168
SIDES = ("first", "second")
VOTES = ("votes_first", "votes_second", "votes_tie", "votes_both_bad")
MOST_VOTES = 10_000
READS = {
    **CONTEXT_READS,
    **response_reads("first"),
    **response_reads("second"),
    **dict.fromkeys(VOTES, replace(RANK, goes_to="imported feedback: comparison, one for each vote")),
    "first_models[]": MODEL,
    "second_models[]": MODEL,
    "licences[]": LICENCE,
    "sources[]": SOURCE,
}
_OTHER = "of the project that wrote the export"
IGNORES = {
    "pair_id": "a hash of the texts",
    "votes_skip": "who skipped it said nothing of it",
    "first_shown_first": "how many saw it first: not who",
    "second_shown_first": "how many saw it first: not who",
    "conversation_ids": _OTHER,
    "first_message_ids": _OTHER,
    "second_message_ids": _OTHER,
    "rules_versions": _OTHER,
}


def read(row: RowValue) -> Reading:
    """Read one pair.

    Raises:
        RowError: a response is missing, a turn is malformed, or a number of votes is none.
    """
    first, second, tie, both_bad = (_count(row, column) for column in VOTES)
    votes = [*[(0, 1, 0)] * first, *[(0, 1, 1)] * second, *[(0, 1, None)] * tie]
    return compared(
        {**row, "source": _only(row.get("sources")), "licence": _only(row.get("licences"))},
        NAME,
        [(side, row.get(side)) for side in SIDES],
        votes,
        vote_column="votes",
        models=[_only(row.get(f"{side}_models")) for side in SIDES],
        both_bad=[(0, 1)] * both_bad,
    )


def _count(row: RowValue, column: str) -> int:
    value = row.get(column)
    figure = number(0 if value is None else value)
    if figure is None or not figure.isdigit() or int(figure) > MOST_VOTES:
        raise RowError(f"{column} is no number of votes up to {MOST_VOTES}: {str(value)[:20]!r}")
    return int(figure)


def _only(names: object) -> str | None:
    """Return the name in a list of one."""
    return text(names[0]) if isinstance(names, list) and len(names) == 1 else None
