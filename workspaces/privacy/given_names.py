"""Names that a person was given by hand: which of them can be nobody's."""

from __future__ import annotations

import re
import unicodedata

from workspaces.grammar import counted

MOST_CHARACTERS = 254
"""Of an e-mail address (RFC 5321); user names of the platforms are shorter."""

NOBODY = frozenset({"nan", "none", "null", "nil", "n/a", "#n/a", "na", "undefined", "-", "--", "?"})
"""What programs and tables write where there is no name."""

_PSEUDONYM = re.compile(r"[0-9a-f]{12}")


def why_nobody(name: str) -> str | None:
    """Return why a name that nobody has here cannot be a person's, in words; None where it can.

    A name that is a person's here already is not asked about: somebody may well be called 'none' on a platform.
    """
    name = name.strip()
    if not re.search(r"\w", name) or name.casefold() in NOBODY:
        return "it stands for no name"
    if _PSEUDONYM.fullmatch(name):
        return "it looks like a pseudonym, and is nobody's"
    if len(name) > MOST_CHARACTERS:
        return f"it has {counted(len(name), 'character')}, and the longest names have {MOST_CHARACTERS}"
    if any(unicodedata.category(character)[0] == "C" for character in name):
        return "it holds a character that nobody sees"
    if unicodedata.normalize("NFKC", name) != name:
        return f"it is written in other characters than {unicodedata.normalize('NFKC', name)!r}, which looks the same"
    return None
