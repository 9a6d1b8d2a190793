"""Finds the private keys of wallets, which carry checksums."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORTEST_KEY: Final = 51
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# Sources: https://en.bitcoin.it/wiki/Wallet_import_format, BIP-32 and SLIP-0132 (extended keys).
_WITH_CHECKSUM = re.compile(
    rf"(?<![A-Za-z0-9])(?:[5KLQT69c][{_BASE58}]{{50,51}}|[xyztuvYZUV]prv[{_BASE58}]{{107,108}})(?![A-Za-z0-9])"
)
# Sources: NIP-19 (Nostr), SEP-23 (Stellar), Tezos' base58 prefixes. They carry checksums of kinds of their own.
_SHAPED = re.compile(
    r"(?<![A-Za-z0-9])(?:nsec1[02-9ac-hj-np-z]{58}|S[A-D][A-Z2-7]{54}|edsk[1-9A-HJ-NP-Za-km-z]{50,94})(?![A-Za-z0-9])"
)


def find_wallet_keys(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the private keys of wallets between two places of ``text``."""
    if end - start < _SHORTEST_KEY:
        return
    for match in _WITH_CHECKSUM.finditer(text, start, end):
        if _has_base58_checksum(match[0]):
            yield Span(match.start(), match.end(), PlaceholderKind.SECRET, match[0])
    for match in _SHAPED.finditer(text, start, end):
        yield Span(match.start(), match.end(), PlaceholderKind.SECRET, match[0])


def _has_base58_checksum(written: str) -> bool:
    """Return whether the last four bytes are those of the doubled SHA-256 of the others (Base58Check)."""
    number = 0
    for character in written:
        number = number * 58 + _BASE58.index(character)
    decoded = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return sha256(sha256(decoded[:-4]).digest()).digest()[:4] == decoded[-4:]
