"""Tells random characters, which a secret consists of, from words and from what stands in their place in manuals."""

from __future__ import annotations

import re
from collections import Counter
from math import log2

_DIGIT, _LETTER = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
FILLER = re.compile(r"(?i)(.)\1{5}|your[_-]|[_-]here\b|123456789012345")
"""What stands in place of a token in a manual: ``ghp_xxxxxxxx``, ``sk-your-key-here``."""
_DUMMY = re.compile(
    r"(?i)your|example|changeme|change_me|placeholder|redacted|dummy|xxxx|\*\*\*|\.\.\.|<|>|\$\{|\{\{|%[a-z(]|environ|getenv|process\.env"
    r"|config\.|settings\.|self\.|secrets?\.|_here|todo|insert|replace"
)


def entropy(value: str) -> float:
    """Return the Shannon entropy of ``value`` in bits per character; 0 for an empty string."""
    total = len(value)
    return -sum(count / total * log2(count / total) for count in Counter(value).values()) if total else 0.0


def is_random(value: str) -> bool:
    """Return whether ``value`` looks random: letters and digits, few repetitions, no filler words."""
    if not _DIGIT.search(value) or not _LETTER.search(value) or _DUMMY.search(value):
        return False
    return entropy(value) >= min(3.0, log2(len(value)) - 0.35)


def has_random_part(value: str) -> bool:
    """Return whether the part after the prefix is random.

    It is not in a hyphenated name such as the CSS class ``sk-fading-circle-2``.
    """
    tail = re.split(r"[-_]", value, maxsplit=1)[-1]
    if not any(character.isdigit() for character in tail):
        return False
    longest = max(re.split(r"[-_]", tail), key=len)
    return (
        entropy(tail) >= 2.8
        and len(longest) >= 8
        and (any(character.isdigit() for character in longest) or len(longest) >= 16)
    )
