"""Finds passwords and private keys by the words that announce them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.randomness import FILLER, entropy, is_random
from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEM = re.compile(r"-{4,5}[ ]?(BEGIN|END) (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?[ ]?-{4,5}")
_PEM_BREAK = r"\\{1,4}[nr]|[\s\"'>#|]"
_PEM_HEADER = r"[A-Za-z\-]{1,20}: [^\r\n\\]{0,80}"
_PEM_BODY = re.compile(rf"(?:[A-Za-z0-9+/=]|{_PEM_BREAK}|{_PEM_HEADER})*+")
_PEM_LINE = re.compile(r"[A-Za-z0-9+/=]{16}")
_PEM_OUTSIDE = re.compile(rf"(?m)^{_PEM_HEADER}$|{_PEM_BREAK}")
_PUTTY = re.compile(r"Private-Lines: [0-9]{1,3}\s{1,4}((?:[A-Za-z0-9+/=]{16,64}\s{0,4}){1,100}+)")
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
_CODE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*[.,:]?")


_OPENINGS = ("----BEGIN ", "---- BEGIN ", "Private-Lines: ", "earer ", "authorization", "İ")
HINTS = f"(?i:{'|'.join(map(re.escape, (*_OPENINGS, *_WORDS, *_KEYS)))})"
"""A pattern for RE2, Arrow's engine; ``find_credentials`` finds nothing in a text that it does not match."""


def find_credentials(text: str) -> Iterator[Span]:
    """Yield private keys, and passwords and keys that are assigned to such a word and look random."""
    if "BEGIN " in text:
        yield from _private_keys(text)
    for match in _PUTTY.finditer(text) if "Private-Lines: " in text else ():
        yield _secret(match.start(1), match.start(1) + len(match[1].rstrip()), match[1].rstrip())
    lower = text.replace("İ", "i").lower()  # has the length of the text
    yield from _assignments(text, lower)
    if "earer " in lower or "authorization" in lower:
        for match in _AUTHORIZATION.finditer(text):
            if is_random(match[1]):
                yield _secret(match.start(1), match.end(1), match[1])


def _secret(start: int, end: int, value: str) -> Span:
    return Span(start, end, PlaceholderKind.SECRET, value)


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
    body = _PEM_BODY.match(text, begin.end(), limit)
    stop = end.end() if end else (body.end() if body else begin.end())
    key = _PEM_OUTSIDE.sub("", text[begin.end() : end.start() if end else stop])
    if _PEM_LINE.search(key) and not FILLER.search(key[:64]):
        yield _secret(begin.start(), stop, key)


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
