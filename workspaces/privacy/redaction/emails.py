"""Finds e-mail addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_LATIN = "A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_LABEL = rf"[{_LATIN}](?:[{_LATIN}-]{{0,61}}[{_LATIN}])?"
_LOCAL = rf"[{_LATIN}_!#$%&'*+/=?^`{{|}}~.-]"
_AT = re.compile(rf"@(?=[{_LATIN}])")
_DOMAIN = re.compile(rf"(?:{_LABEL}\.){{1,8}}(?:[A-Za-z]{{2,24}}|xn--[A-Za-z0-9]{{2,40}})(?![A-Za-z0-9_])")
_LOCAL_BEFORE = re.compile(rf"{_LOCAL}{{1,64}}\Z")
_QUOTED_BEFORE = re.compile(r'"[^"\\\r\n]{1,62}"\Z')
_SPELT = re.compile(
    rf"(?<![{_LATIN}])({_LOCAL}{{1,64}}+)[ ]?[\[({{<][ ]?(?:at|ät|arroba|chiocciola)[ ]?[\])}}>][ ]?"
    rf"([{_LATIN}-]{{1,63}}(?:(?:\.|[ ]?[\[({{<][ ]?(?:dot|punkt|punto|ponto|point)[ ]?[\])}}>][ ]?)"
    rf"[{_LATIN}-]{{1,63}}){{1,4}})",
    re.IGNORECASE,
)
_SPELT_AT = re.compile(r"[\[({<] ?(?:at|ät|arroba|chiocciola) ?[\])}>]", re.IGNORECASE)
_SPELT_DOT = re.compile(r" ?[\[({<] ?(?:dot|punkt|punto|ponto|point) ?[\])}>] ?", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[A-Za-z0-9]\.[A-Za-z]{4,}")
_IMAGE_SCALE = re.compile(r"[1-9](?:\.[0-9])?x\.[A-Za-z]{2,5}\Z")
_TRIM = "!#$%&'*+/=?^`{|}~.-_"


def find_emails(text: str) -> Iterator[Span]:
    """Yield the e-mail addresses of ``text``, also those written as ``name (at) example.com``.

    Not matched: handles (``@user``), hosts without a top-level domain, file names such as ``logo@2x.png``, ``git@``
    of a repository, the part before ``@`` in a URL, and matrix code such as ``a@b.dot(c)``.
    """
    for sign in _AT.finditer(text):
        domain = _DOMAIN.match(text, sign.end())
        if domain and (address := _around(text, sign.start(), domain.end())):
            yield address
    if _SPELT_AT.search(text):
        for match in _SPELT.finditer(text):
            start = match.start() + _leading(match[1])
            key = f"{text[start : match.end(1)]}@{_SPELT_DOT.sub('.', match[2])}".casefold()
            yield Span(start, match.end(), PlaceholderKind.EMAIL, key)


def _around(text: str, at: int, end: int) -> Span | None:
    window = text[max(0, at - 64) : at]
    local = _QUOTED_BEFORE.search(window) or _LOCAL_BEFORE.search(window)
    if local is None or window[-1] == ".":
        return None
    start = at - len(local[0]) + _leading(local[0])
    name = text[start:at]
    domain = text[at + 1 : end]
    after = text[end : end + 2]
    is_code = after[:1] in ("(", "[") or (len(name) <= 2 and _ATTRIBUTE.fullmatch(domain) is not None)
    is_repository = name.casefold() == "git" and (after[:1] in (":", "/"))
    if not name or is_code or is_repository or _IMAGE_SCALE.match(domain) or _in_authority(text, start):
        return None
    return Span(start, end, PlaceholderKind.EMAIL, f"{name}@{domain}".casefold())


def _leading(local: str) -> int:
    """Return how many characters at the start of a local part belong to the surrounding text."""
    # mailto=x, 'x, ?to=x, a/x
    quote = max((local.rfind(character) for character in "`|={}?&/"), default=-1) + 1
    rest = local[quote:]
    return quote + len(rest) - len(rest.lstrip(_TRIM if rest[:1] != "_" else ".-*#"))


def _in_authority(text: str, start: int) -> bool:
    """Return whether ``start`` follows ``scheme://user:``; ``find_in_urls`` finds such credentials."""
    before = text[max(0, start - 260) : start]
    scheme = before.rfind("://")
    return scheme >= 0 and not any(character in "/?# \t\r\n,;<>\"'" for character in before[scheme + 3 :])
