"""HelpSteer 2's and HelpSteer 3's preferences: two responses, and how much better one is, from -3 to 3.

Below 0 the first response is better, above 0 the second. Where the row has the preferences of single people, each is
a vote, and the overall one, which is made of them, is metadata. Source: Wang et al. (2024), arXiv 2410.01257; Wang et
al. (2025), arXiv 2503.04378, and the datasets' cards.
"""

from __future__ import annotations

from dataclasses import replace

from task_generators.chat_logs.readers.columns import Use, has_value
from task_generators.chat_logs.readers.comparisons import Vote, compared
from task_generators.chat_logs.readers.contexts import CONTEXT_READS, response_reads
from task_generators.chat_logs.readers.fields import null_or_value, number
from task_generators.chat_logs.readers.parts import from_json
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.uses import ANY_METADATA

NAME = "helpsteer-preference"
COLUMNS: frozenset[str] = frozenset()
PRECEDENCE = 175
_RESPONSES = (("response1", "response2"), ("response_1", "response_2"))
_OVERALL = ("overall_preference", "preference_strength")
_EACH = {
    "individual_preference": "score",
    "all_preferences_unprocessed": "strength",
    "three_most_similar_preferences": "strength",
}
"""The lists of single people's preferences, and the key of the score; the first that a row has counts."""
PREFERENCE = Use("imported feedback: comparison, and metadata", lambda value: number(value) is not None)
_NOTES = ("preference_statement", "preference_elaboration")
READS = {
    **CONTEXT_READS,
    **{path: use for pair in _RESPONSES for column in pair for path, use in response_reads(column).items()},
    "overall_preference|preference_strength": PREFERENCE,
    **dict.fromkeys(_EACH, ANY_METADATA),
    **dict.fromkeys(_NOTES, ANY_METADATA),
}


def matches(row: RowValue) -> bool:
    """Return whether a row has two responses and a preference."""
    return any(row.keys() >= {*pair} for pair in _RESPONSES) and any(
        has_value(row.get(column)) for column in (*_OVERALL, *_EACH)
    )


def read(row: RowValue) -> Reading:
    """Read one row.

    Raises:
        RowError: a response or the preference is missing, or a turn is malformed.
    """
    pair = next((pair for pair in _RESPONSES if row.keys() >= {*pair}), _RESPONSES[0])
    column, strengths = _strengths(row)
    votes: list[Vote] = [(0, 1, None if each == 0 else int(each > 0)) for each in strengths]
    reading = compared(row, NAME, [(name, row.get(name)) for name in pair], votes, vote_column=column)
    about = {
        name: null_or_value(row[name]) for name in (*_OVERALL, *_EACH, *_NOTES) if has_value(row.get(name))
    }
    conversation = reading.conversation
    metadata = {**conversation.conversation_metadata, **about}
    return replace(reading, conversation=replace(conversation, conversation_metadata=metadata))


def _strengths(row: RowValue) -> tuple[str, list[float]]:
    """Return where the preferences that count as votes stand, and how strong each is.

    Raises:
        RowError: there is none, or one is no number.
    """
    for column, key in _EACH.items():
        given = [each.get(key) for each in from_json(row.get(column)) if isinstance(each, dict)]
        scores = [number(each) for each in given if each is not None]
        if None in scores:
            raise RowError(f"{column} has a {key} that is no number")
        if scores:
            return column, [float(score) for score in scores if score is not None]
    overall = next((score for column in _OVERALL if (score := number(row.get(column)))), None)
    if overall is None:
        raise RowError(f"{_OVERALL[0]} is missing")
    return _OVERALL[0], [float(overall)]
