"""Ids of a log that tell whose they are: they hold the id of a person of their conversation, or an e-mail address.

Such an id names its person as plainly as a column would. The persons are the giver and those who judged. Their id is
found as a word of its own, in any case, if it has three characters or more and is not a number of few digits, which
another thing than a person may have, too; an id of eight characters or more is found inside of words as well.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from workspaces.message_ids import is_within
from workspaces.privacy.redaction.emails import find_emails

if TYPE_CHECKING:
    from task_generators.chat_logs.readers import Reading

WORD_CHARACTERS = 3
WORD_DIGITS = 5
"""Characters of a person's id, and digits of one that is a number, from which on it is found as a word."""

PART_CHARACTERS = 8
"""Characters of a person's id from which on it is found inside of words, as in ``ada.lovelace17``."""


def telling_ids(reading: Reading) -> list[str] | None:
    """Return those ids of a reading that tell of somebody: of the conversation, and the log's own of messages.

    None: none does. An id of a message is what stands behind that of its conversation and ``#``.
    """
    conversation = reading.conversation
    ids = [
        conversation.id,
        *(name for message in conversation.messages for name in (message.id, message.parent_id) if name),
    ]
    named = {conversation.giver_id, *(judgment.rater for judgment in reading.feedback)}
    persons = [name for each in named if each and is_telling(name := each.strip().casefold())]
    joined = "\n".join(ids)  # what is in none of them is looked for once
    if not _may_tell(joined, persons):
        return None
    own = {name[len(conversation.id) + 1 :] if is_within(conversation.id, name) else name for name in ids[1:]}
    return sorted(name for name in {conversation.id, *own} if tells(name, persons)) or None


def is_telling(person: str) -> bool:
    """Return whether the id of a person is long enough to be found in another id."""
    return len(person) >= (WORD_DIGITS if person.isdigit() else WORD_CHARACTERS)


def tells(name: str, persons: list[str]) -> bool:
    """Return whether an id holds an e-mail address, or the id of one of some persons (``is_telling``, casefolded)."""
    folded = name.casefold()
    return any(person in folded and _is_whole(person, folded) for person in persons) or (
        "@" in name and next(find_emails(name), None) is not None
    )


def _may_tell(text: str, persons: list[str]) -> bool:
    if "@" in text:
        return True
    folded = text.casefold() if persons else ""
    return any(person in folded for person in persons)


def _is_whole(person: str, name: str) -> bool:
    return len(person) >= PART_CHARACTERS or _as_word(person).search(name) is not None


@lru_cache(maxsize=1000)
def _as_word(person: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(person)}(?![^\W_])")
