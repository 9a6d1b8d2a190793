"""Finds credentials in URLs; the rest of the URL is kept."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.randomness import is_random
from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_USER = re.compile(r"://([^\s/?#@\"'<>\[\]:]{0,128}+:([^\s/?#@\"'<>\[\]]{1,256}+))@")
_DUMMIES = frozenset(("password", "passwd", "pass", "pwd", "pw", "secret", "user", "username", "mypassword"))
_FILLER = re.compile(r"[$<{%*]|\*|x{3}|\.{3}|your|change", re.IGNORECASE)
_STRONG = (
    r"(?:access|refresh|auth|id|session|bearer|api|csrf|reset|private|sas|oauth)?[_-]?token|api[_-]?key|apikey|secret|client_secret"
    r"|password|passwd|pwd|x-amz-(?:signature|credential|security-token)|signature|sig|jwt|auth|sessionid|session_id|sid"
    r"|access_key|awsaccesskeyid|invite|magic"
)
_WEAK = r"key|code|hash|h|t|s|session|ticket|state|k|otp|pass"
_PARAMETER = re.compile(rf"(?i)[?&#;](?:amp;)?(?:({_STRONG})|{_WEAK})=([^\s&#;\"'<>()\[\]`|,]{{6,2048}}+)")


def find_in_urls(text: str) -> Iterator[Span]:
    """Yield ``user:password`` before a host, and the values of query parameters that hold a token."""
    if "://" in text:
        for match in _USER.finditer(text):
            if match[2].casefold() not in _DUMMIES and not _FILLER.match(match[2]):
                yield Span(match.start(1), match.end(1), PlaceholderKind.SECRET, match[1])
    for match in _PARAMETER.finditer(text):
        value = match[2].rstrip(".,!?:*")
        long_enough = len(value) >= (8 if match[1] else 16)
        if long_enough and is_random(value):
            yield Span(match.start(2), match.start(2) + len(value), PlaceholderKind.SECRET, value)
