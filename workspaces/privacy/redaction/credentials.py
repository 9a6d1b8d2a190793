"""Keys, tokens, private keys and passwords."""

from __future__ import annotations

import re
from collections import Counter
from math import log2
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.candidate import Candidate, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

# What must be in the text for a shape to be worth a look, and the shape. Sources: the issuers' documentation.
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
_PEM = re.compile(r"-----(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"(?:[A-Za-z0-9+/=\s]|\\[nr]|\"|[A-Za-z\-]{1,20}: [^\r\n]{0,80})*+")
_PEM_LINE = re.compile(r"[A-Za-z0-9+/=]{24}")
_KEYWORD = (
    r"pass(?:word|wd|phrase|code|wort)|pwd|kennwort|secret|token|credentials?"
    r"|(?:api|access|auth|secret|private|account|encryption)[ _-]?key"
    r"|contrase[ñn]a|clave|mot de passe|mdp|senha|wachtwoord|has[łl]o|парол[ья]"
    r"|密码|密碼|口令|पासवर्ड|كلمة المرور|كلمة السر|パスワード|비밀번호"
)
_ASSIGNED = re.compile(
    rf"""(?ix)(?:{_KEYWORD})(?:_?(?:value|id|hash))?["'`*\]]{{0,4}}[ \t]{{0,3}}
    (?:(?:[:=]|:=|=>)[ \t]{{0,3}}|(?:is|ist|lautet|es|est|è|é|jest|это)[ ]:?[ ]?)["'`*]{{0,3}}\Z"""
)
_SIGNS = re.compile(r"[:=]>?[ \t]{0,3}[\"'`*]{0,3}(?=[^\s\"'`*])")
_VERBS = re.compile(r"(?i) (?:is|ist|lautet|es|est|è|é|jest|это)[ ]:?[ ]?[\"'`*]{0,3}(?=[^\s\"'`*])")
_KEYWORD_HINT = re.compile(rf"(?i){_KEYWORD}")
_VALUE = re.compile(r"[^\s\"'`<>(){}\[\],;|]{8,512}")
_QUOTED = {quote: re.compile(rf"[^{quote}\r\n]{{8,512}}(?={quote})") for quote in "\"'`"}
_AUTHORIZATION = re.compile(
    r"(?i)(?:authorization[\"']?[ ]?[:=][ ]?[\"']?(?:bearer|basic|token)|\bbearer)[ ]+"
    r"([A-Za-z0-9._~+/=\-]{16,})"
)
_DUMMY = re.compile(
    r"(?i)your|example|changeme|change_me|placeholder|redacted|dummy|xxxx|\*\*\*|\.\.\.|<|>|\$\{|\{\{|%[a-z(]|environ|getenv|process\.env"
    r"|config\.|settings\.|self\.|secrets?\.|_here|todo|insert|replace"
)
_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*[.,:]?")


def entropy(value: str) -> float:
    """Return the Shannon entropy of ``value`` in bits per character; 0 for an empty string."""
    total = len(value)
    return -sum(count / total * log2(count / total) for count in Counter(value).values()) if total else 0.0


def is_random(value: str) -> bool:
    """Say whether ``value`` looks drawn: letters and digits, few repeats, no filler words."""
    if _DUMMY.search(value) or not any(it.isdigit() for it in value) or not any(it.isalpha() for it in value):
        return False
    return entropy(value) >= min(3.0, log2(len(value)) - 0.35)


def find_credentials(text: str) -> Iterator[Candidate]:
    """Yield keys of known shape, private keys, and passwords that are assigned and look random."""
    for hint, shape in _SHAPES:
        if hint in text:
            for match in shape.finditer(text):
                value = match[0].rstrip("-_.")
                if hint not in ("sk-", "xox", "xapp-", "gl") or _has_random_part(value):
                    yield _secret(match.start(), match.start() + len(value), value)
    if "-----BEGIN " in text:
        yield from _private_keys(text)
    if _KEYWORD_HINT.search(text):
        yield from _assignments(text)
    lower = "earer " in text or "uthorization" in text or "EARER " in text or "UTHORIZATION" in text
    if lower:
        for match in _AUTHORIZATION.finditer(text):
            if is_random(match[1]):
                yield _secret(match.start(1), match.end(1), match[1])


def _secret(start: int, end: int, value: str) -> Candidate:
    return Candidate(start, end, Kind.SECRET, value)


def _has_random_part(value: str) -> bool:
    """Tell a key from a hyphenated name such as the CSS class ``sk-fading-circle-2``."""
    tail = value[value.index("-") + 1 :]
    if "xxxx" in tail.lower() or not any(it.isdigit() for it in tail):
        return False
    longest = max(re.split(r"[-_]", tail), key=len)
    return (
        entropy(tail) >= 2.8
        and len(longest) >= 8
        and (any(it.isdigit() for it in longest) or len(longest) >= 16)
    )


def _private_keys(text: str) -> Iterator[Candidate]:
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


def _private_key(
    text: str, begin: re.Match[str], end: re.Match[str] | None, limit: int
) -> Iterator[Candidate]:
    if not _PEM_LINE.search(text, begin.end(), limit):
        return
    body = _PEM_BODY.match(text, begin.end(), limit)
    stop = end.end() if end else (body.end() if body else begin.end())
    yield _secret(begin.start(), stop, re.sub(r"\\[nr]|\s", "", text[begin.end() : limit]))


def _assignments(text: str) -> Iterator[Candidate]:
    done = 0
    for pattern in (_SIGNS, _VERBS):
        for sign in pattern.finditer(text):
            start = sign.end()
            if not _ASSIGNED.search(text, max(done if pattern is _SIGNS else 0, start - 64), start):
                continue
            quoted = _QUOTED.get(text[start - 1])
            match = (quoted.match(text, start) if quoted else None) or _VALUE.match(text, start)
            if match is None:
                continue
            value = match[0] if quoted else match[0].rstrip(".,:!?")
            if _looks_like_password(value, quoted=quoted is not None):
                yield _secret(start, start + len(value), value)
                done = start + len(value) if pattern is _SIGNS else done


def _looks_like_password(value: str, *, quoted: bool) -> bool:
    if len(value) < 8 or not is_random(value) or "://" in value:
        return False
    if not quoted and _CODE.fullmatch(value) and not re.search(r"[0-9].*[A-Za-z].*[0-9]|[0-9]{3}", value):
        return False
    classes = sum(bool(re.search(it, value)) for it in (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9\s]"))
    return classes >= 3 or len(value) >= 16 or (classes == 2 and entropy(value) >= 2.9)
