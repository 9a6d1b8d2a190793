"""Ids of a log that tell whose they are: they hold the id of a person of their conversation, or an e-mail address.

Such an id names its person as plainly as a column would. The persons are the giver and those who judged. Their id is
found as a word of its own, in any case, if it has three characters or more and is not a number of few digits, which
another thing than a person may have, too; one with eight letters and digits or more is found inside of words as well,
and whatever stands between these, as ``ada_lovelace17`` for ``ada.lovelace``. It does not matter how Unicode writes a
character: a letter and its accent as two, or a wide letter.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import unquote

from workspaces.message_ids import is_within
from workspaces.privacy.redaction.emails import find_emails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from task_generators.chat_logs.readers import Reading

WORD_CHARACTERS = 3
WORD_DIGITS = 5
"""Characters of a person's id, and digits of one that is a number, from which on it is found as a word."""

PART_CHARACTERS = 8
"""Letters and digits of a person's id from which on these are found inside of words."""


def telling_ids(reading: Reading) -> list[str] | None:
    """Return those ids of a reading that tell of somebody: of the conversation, and the log's own of messages.

    None: none does. An id of a message is what stands behind that of its conversation and ``#``.
    """
    conversation = reading.conversation
    ids = {conversation.id}
    for message in conversation.messages:
        for name in filter(None, (message.id, message.parent_id)):
            own = name[len(conversation.id) + 1 :] if is_within(conversation.id, name) else name
            if len(own) >= WORD_DIGITS or not own.isdigit():  # most often its place
                ids.add(own)
    named = {conversation.giver_id, *(judgment.rater for judgment in reading.feedback)}
    persons = [name for each in named if each and is_telling(name := _folded(_unquoted(each).strip()))]
    return sorted(name for name in ids if tells(name, persons)) or None


def is_telling(person: str) -> bool:
    """Return whether the id of a person is long enough to be found in another id."""
    return len(person) >= (WORD_DIGITS if person.isdigit() else WORD_CHARACTERS)


def tells(name: str, persons: Sequence[str]) -> bool:
    """Return whether an id holds an e-mail address, or the id of one of some persons (``is_telling``, folded)."""
    name = _unquoted(name)
    if persons:
        folded = _folded(name)
        squeezed = _squeezed(folded)
        if any(_is_in(person, folded, squeezed) for person in persons):
            return True
    return "@" in name and next(find_emails(name), None) is not None


def _unquoted(text: str) -> str:
    return unquote(text) if "%" in text else text


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else normalize("NFKC", normalize("NFKC", text).casefold())


def _is_in(person: str, folded: str, squeezed: str) -> bool:
    core = _squeezed(person)
    if len(core) >= PART_CHARACTERS:
        return core in squeezed
    return person in folded and _as_word(person).search(folded) is not None


@lru_cache(maxsize=10_000)
def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


@lru_cache(maxsize=1000)
def _as_word(person: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(person)}(?![^\W_])")
