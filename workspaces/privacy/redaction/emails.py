"""Finds e-mail addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_LATIN = "A-Za-z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
# Letters, digits and marks of the scripts that put blanks between words: Latin, Greek, Cyrillic, Arabic, Hindi, ...
_BEYOND_LATIN = (
    "\u0250-\u02af\u0300-\u036f\u0370-\u037d\u037f-\u0386\u0388-\u0559\u0561-\u0588\u0591-\u05bd\u05bf\u05d0-\u05ea"
    "\u0610-\u061a\u0620-\u0669\u066e-\u06d3\u06d5-\u06ff\u0710-\u07ff\u0900-\u0963\u0966-\u096f\u0971-\u0df3"
    "\u10a0-\u10fa\u10fc-\u10ff\u1200-\u135f\u1e00-\u1fff\u200c\u200d"
)
_SPACED = _LATIN + _BEYOND_LATIN
# Those that do not: the words before an address touch it.
_UNSPACED = (
    "\u3005\u3007\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3"
    "\u0e01-\u0e3a\u0e40-\u0e4e"
)
_LABEL = rf"[{_SPACED}](?:[{_SPACED}-]{{0,61}}[{_SPACED}])?"
_UNSPACED_LABEL = rf"[{_UNSPACED}{_LATIN}](?:[{_UNSPACED}{_LATIN}-]{{0,30}}[{_UNSPACED}{_LATIN}])?"
_LOCAL = rf"[{_SPACED}_!#$%&'*+/=?^`{{|}}~.-]"
_AT = re.compile(rf"@(?=[{_SPACED}{_UNSPACED}])")
# Top-level domains of scripts without blanks. Source: https://data.iana.org/TLD/tlds-alpha-by-domain.txt
_UNSPACED_TOP = (
    "中国|中國|公司|网络|網絡|香港|台灣|台湾|澳門|新加坡|在线|中文网|网站|网址|我爱你|商标|商城|商店|广告|集团|组织机构"
    "|机构|政府|移动|游戏|企业|时尚|餐厅|手机|娱乐|购物|健康|信息|世界|公益|慈善|みんな|コム|ストア|セール|ファッション"
    "|ポイント|グーグル|クラウド|닷넷|닷컴|삼성|한국|ไทย|คอม"
)
_TOP = rf"(?:[A-Za-z]{{2,24}}|xn--[A-Za-z0-9-]{{2,40}})(?![A-Za-z0-9_])|[{_BEYOND_LATIN}]{{2,24}}(?![{_SPACED}_])"
_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.){{1,8}}(?:{_TOP})|(?:{_UNSPACED_LABEL}\.){{1,4}}(?:[A-Za-z]{{2,24}}(?![A-Za-z0-9_])|{_UNSPACED_TOP})"
)
_LOCAL_BEFORE = re.compile(rf"{_LOCAL}{{1,64}}\Z")
_UNSPACED_BEFORE = re.compile(rf"[{_UNSPACED}{_LATIN}_.+-]{{0,63}}[{_UNSPACED}]\Z")
# The last word that leads up to an address: "my mailbox is", "is", "to".
_LEAD = re.compile(
    "(?:是|为|為|给|給|到|至|寄|发|發|联系|聯繫|箱|址|は|が|に|へ|を|より|から|まで|는|은|로|에|の|คือ|ที่|ถึง)"
)
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
    """Yield the e-mail addresses of ``text``, in any script, also those written as ``name (at) example.com``.

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
    if unspaced := _UNSPACED_BEFORE.search(window):
        start = at - len(unspaced[0]) + _led(unspaced[0])
    elif (local := _QUOTED_BEFORE.search(window) or _LOCAL_BEFORE.search(window)) and window[-1] != ".":
        start = at - len(local[0]) + _leading(local[0])
    else:
        return None
    name = text[start:at]
    domain = text[at + 1 : end]
    after = text[end : end + 2]
    is_code = after[:1] in ("(", "[") or (len(name) <= 2 and _ATTRIBUTE.fullmatch(domain) is not None)
    is_repository = name.casefold() == "git" and (after[:1] in (":", "/"))
    if not name or is_code or is_repository or _IMAGE_SCALE.match(domain) or _in_authority(text, start):
        return None
    return Span(start, end, PlaceholderKind.EMAIL, f"{name}@{domain}".casefold())


def _led(local: str) -> int:
    """Return how many characters of a local part without blanks lead up to it; 0 if nothing would be left."""
    ends = [lead.end() for lead in _LEAD.finditer(local) if lead.end() < len(local)]
    return ends[-1] if ends else 0


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
