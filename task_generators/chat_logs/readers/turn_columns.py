"""What ``turns.py`` reads of a turn, for the declarations of readers."""

from __future__ import annotations

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.turns import SPEAKER_KEYS, TEXT_KEYS
from task_generators.chat_logs.readers.uses import CONTENT, ROLE

TURN = Use("messages", whole=True, sought=True)
"""A turn: what no message holds of it is lost."""


def turns(column: str) -> dict[str, Use]:
    """Return the declaration of a column that holds a list of turns, which may be stored as an object of lists.

    Keys of a turn that a reader reads or ignores itself can be declared beside it, such as ``messages[].id``.

    Args:
        column: the path of the list, such as ``messages``.
    """
    first_of_speakers = "|".join(key for key in SPEAKER_KEYS if key not in ("author", "type"))
    reads = {f"{column}[]": TURN}
    for item in (f"{column}[].{{}}", f"{column}.{{}}[]"):
        reads |= {
            item.format(first_of_speakers): ROLE,
            item.format("author"): ROLE,
            item.format("type"): ROLE,
        }
        reads |= {item.format(key): CONTENT for key in TEXT_KEYS}
    return reads
