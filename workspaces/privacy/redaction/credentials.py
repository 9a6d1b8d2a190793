"""Finds keys, tokens, private keys and passwords."""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A literal that a text must contain before the shape is searched, and the shape. Sources: the issuers' documentation.
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (hint, re.compile(rf"(?<![A-Za-z0-9_]){shape}"))
    for hint, shape in (
        (
            "sk-",
            r"sk-(?:ant-|proj-|svcacct-|admin-|or-|lf-)?[A-Za-z0-9_\-]{16,}",
        ),  # OpenAI, Anthropic and kin
        ("AKIA", r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("ASIA", r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
        ("gh", r"gh[oprsu]_[A-Za-z0-9]{30,}"),
        ("github_pat_", r"github_pat_[A-Za-z0-9_]{30,}"),
        ("gl", r"gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt)-[A-Za-z0-9_\-.]{18,}"),
        ("xox", r"xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,}"),
        ("xapp-", r"xapp-[A-Za-z0-9\-]{10,}"),
        ("hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_]{16,}"),
        ("AIza", r"AIza[A-Za-z0-9_\-]{35}"),
        ("GOCSPX-", r"GOCSPX-[A-Za-z0-9_\-]{20,}"),
        ("ya29.", r"ya29\.[A-Za-z0-9_\-]{20,}"),
        ("k_live_", r"[rs]k_live_[A-Za-z0-9]{16,}"),
        ("k_test_", r"[rs]k_test_[A-Za-z0-9]{16,}"),
        ("whsec_", r"whsec_[A-Za-z0-9+/=]{20,}"),
        ("hf_", r"hf_[A-Za-z0-9]{30,}"),
        ("api_org_", r"api_org_[A-Za-z0-9]{30,}"),
        ("npm_", r"npm_[A-Za-z0-9]{36}"),
        ("pypi-", r"pypi-[A-Za-z0-9_\-]{40,}"),
        ("gsk_", r"gsk_[A-Za-z0-9]{40,}"),
        ("xai-", r"xai-[A-Za-z0-9]{40,}"),
        ("pplx-", r"pplx-[A-Za-z0-9]{40,}"),
        ("SG.", r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"),
        ("dop_v1_", r"dop_v1_[a-f0-9]{64}"),
        ("shpat_", r"shpat_[a-fA-F0-9]{32}"),
        (":AA", r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}"),  # Telegram
        ("eyJ", r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*"),  # JSON Web Token
    )
)
_SPELT_OUT = {
    "gh": tuple(f"gh{kind}_" for kind in "oprsu"),
    "gl": tuple(f"gl{kind}-" for kind in ("pat", "ptt", "dt", "rt", "cbt", "ft", "soat", "agent", "imt")),
}
"""For hints that occur in many words: the longer literals, of which the text must contain one."""

_PEM = re.compile(r"-----(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"(?:[A-Za-z0-9+/=\s]|\\[nr]|\"|[A-Za-z\-]{1,20}: [^\r\n]{0,80})*+")
_PEM_LINE = re.compile(r"[A-Za-z0-9+/=]{24}")
_WORDS = (
    "password", "passwd", "passphrase", "passcode", "passwort", "pwd", "kennwort", "secret", "token", "credential",
    "credentials", "contraseña", "contrasena", "clave", "mot de passe", "mdp", "senha", "wachtwoord", "hasło", "haslo",
    "пароль", "пароля", "密码", "密碼", "口令", "पासवर्ड", "كلمة المرور", "كلمة السر", "パスワード", "비밀번호",
)  # fmt: skip
_ASCII_WORDS = tuple(word for word in _WORDS if word.isascii())
_KEYS = tuple(
    f"{owner}{joint}key"
    for owner in ("api", "access", "auth", "secret", "private", "account", "encryption")
    for joint in ("", " ", "_", "-")
)
_SIGN = re.compile(
    r"""(?ix)(?:_?(?:value|id|hash))?["'`*\]]{0,4}[ \t]{0,3}
    (?:(?::=|=>|[:=])[ \t]{0,3}|[ ]?(?:is|ist|lautet|es|est|è|é|jest|это|是|है)[ ]?:?[ ]?)["'`*]{0,3}(?=[^\s"'`*])"""
)
_VALUE = re.compile(r"(?:[^\s\"'`<>(){}\[\],;|=&]|&(?![\w.\-]{1,30}=)){8,256}+={0,2}")
_QUOTED = {quote: re.compile(rf"[^{quote}\r\n]{{8,256}}+(?={quote})") for quote in "\"'`"}
_DIGIT, _LETTER = re.compile(r"[0-9]"), re.compile(r"[A-Za-z]")
_CLASSES = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), _DIGIT, re.compile(r"[^A-Za-z0-9\s]"))
_AUTHORIZATION = re.compile(
    r"(?i)(?:authorization[\"']?[ ]?[:=][ ]?[\"']?(?:bearer|basic|token)|\bbearer)[ ]+"
    r"([A-Za-z0-9._~+/=\-]{16,})"
)
_DUMMY = re.compile(
    r"(?i)your|example|changeme|change_me|placeholder|redacted|dummy|xxxx|\*\*\*|\.\.\.|<|>|\$\{|\{\{|%[a-z(]|environ|getenv|process\.env"
    r"|config\.|settings\.|self\.|secrets?\.|_here|todo|insert|replace"
)
_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*[.,:]?")


_HINTS = "|".join(
    (
        "(?i:"
        + "|".join(map(re.escape, ("-----BEGIN ", "earer ", "authorization", "İ", *_WORDS, *_KEYS)))
        + ")",
        *(re.escape(hint) for hint, _ in _SHAPES if hint not in _SPELT_OUT),
        *(re.escape(prefix) for prefixes in _SPELT_OUT.values() for prefix in prefixes),
    )
)
"""A pattern for RE2, Arrow's engine; ``find_credentials`` finds nothing in a text that it does not match."""


def may_hold_credentials(texts: Sequence[str]) -> list[bool]:
    """Return for each text whether ``find_credentials`` may find something; a tenth of the time of searching each."""
    try:
        column = pa.array(texts, pa.string())
    except UnicodeEncodeError:  # a lone surrogate
        return [True] * len(texts)
    hinted: list[bool] = pc.match_substring_regex(column, pattern=_HINTS).to_pylist()
    return hinted


def entropy(value: str) -> float:
    """Return the Shannon entropy of ``value`` in bits per character; 0 for an empty string."""
    total = len(value)
    return -sum(count / total * log2(count / total) for count in Counter(value).values()) if total else 0.0


def is_random(value: str) -> bool:
    """Return whether ``value`` looks random: letters and digits, few repetitions, no filler words."""
    if not _DIGIT.search(value) or not _LETTER.search(value) or _DUMMY.search(value):
        return False
    return entropy(value) >= min(3.0, log2(len(value)) - 0.35)


def find_credentials(text: str) -> Iterator[Span]:
    """Yield keys of known shape, private keys, and passwords that are assigned and look random."""
    for hint, shape in _SHAPES:
        if hint in text and (hint not in _SPELT_OUT or any(literal in text for literal in _SPELT_OUT[hint])):
            for match in shape.finditer(text):
                value = match[0].rstrip("-_.")
                if hint not in ("sk-", "xox", "xapp-", "gl") or _has_random_part(value):
                    yield _secret(match.start(), match.start() + len(value), value)
    if "-----BEGIN " in text:
        yield from _private_keys(text)
    lower = text.replace("İ", "i").lower()  # has the length of the text
    yield from _assignments(text, lower)
    if "earer " in lower or "authorization" in lower:
        for match in _AUTHORIZATION.finditer(text):
            if is_random(match[1]):
                yield _secret(match.start(1), match.end(1), match[1])


def _secret(start: int, end: int, value: str) -> Span:
    return Span(start, end, PlaceholderKind.SECRET, value)


def _has_random_part(value: str) -> bool:
    """Return whether the part after the prefix is random.

    It is not in a hyphenated name such as the CSS class ``sk-fading-circle-2``.
    """
    tail = value[value.index("-") + 1 :]
    if "xxxx" in tail.lower() or not any(character.isdigit() for character in tail):
        return False
    longest = max(re.split(r"[-_]", tail), key=len)
    return (
        entropy(tail) >= 2.8
        and len(longest) >= 8
        and (any(character.isdigit() for character in longest) or len(longest) >= 16)
    )


def _private_keys(text: str) -> Iterator[Span]:
    begin: re.Match[str] | None = None
    for marker in _PEM.finditer(text):
        if marker[1] == "BEGIN":
            if begin:
                yield from _private_key(text, begin, None, marker.start())
            begin = marker
        elif begin:
            yield from _private_key(text, begin, marker, marker.start())
            begin = None
    if begin:
        yield from _private_key(text, begin, None, len(text))


def _private_key(text: str, begin: re.Match[str], end: re.Match[str] | None, limit: int) -> Iterator[Span]:
    if not _PEM_LINE.search(text, begin.end(), limit):
        return
    body = _PEM_BODY.match(text, begin.end(), limit)
    stop = end.end() if end else (body.end() if body else begin.end())
    yield _secret(begin.start(), stop, re.sub(r"\\[nr]|\s", "", text[begin.end() : limit]))


def _assignments(text: str, lower: str) -> Iterator[Span]:
    words = _ASCII_WORDS if lower.isascii() else _WORDS
    for word in words + _KEYS if "key" in lower else words:
        at = lower.find(word)
        while at >= 0:
            at += len(word)
            sign = _SIGN.match(text, at)
            if sign and (value := _value(text, sign.end())):
                if _looks_like_password(value[0], quoted=value[1]):
                    yield _secret(sign.end(), sign.end() + len(value[0]), value[0])
                at = sign.end() + len(value[0])
            at = lower.find(word, at)


def _value(text: str, start: int) -> tuple[str, bool] | None:
    """Return the value that is assigned at ``start``, and whether it is quoted."""
    quoted = _QUOTED.get(text[start - 1])
    if quoted and (match := quoted.match(text, start)):
        return match[0], True
    match = _VALUE.match(text, start)
    if match is None or text[match.end() : match.end() + 1] in ("(", "["):  # a call
        return None
    return match[0].rstrip(".,:!?"), False


def _looks_like_password(value: str, *, quoted: bool) -> bool:
    if len(value) < 8 or not is_random(value) or "://" in value:
        return False
    if not quoted and _CODE.fullmatch(value) and not re.search(r"[0-9].*[A-Za-z].*[0-9]|[0-9]{3}", value):
        return False
    classes = sum(bool(character_class.search(value)) for character_class in _CLASSES)
    return classes >= 3 or len(value) >= 16 or (classes == 2 and entropy(value) >= 2.9)
