"""Finds IP and MAC addresses.

Redacted: every address of a host, also in private and documentation ranges (in a company it can identify a person).
Kept, because they identify nobody: loopback (127.0.0.0/8, ::1), unspecified (0.0.0.0, ::), netmasks and wildcard
masks, multicast and broadcast, well-known public resolvers (8.8.8.8 ...), the metadata address 169.254.169.254, and
private networks with their prefix length (10.0.0.0/8). Also kept: four-part version and section numbers, which are
recognised by the word or the sign before them.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from workspaces.privacy.redaction.span import PlaceholderKind, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.privacy.redaction.digit_runs import DigitRun

_IPV4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_PREFIX_LENGTH = re.compile(r"/([0-9]{1,2})(?![0-9])")
_NO_ADDRESS = re.compile(
    r"""(?ix)(?:(?<![a-z])(?:v|ver|vers|version|versione|versão|versión|release(?:\ id)?|firmware|driver|build|patch
    |update|section|sec|chapter|clause|article|abschnitt|kapitel|figure|table|oid|rfc\ ?[0-9]{1,5})
    ,?["'`*]{0,2}[\s.:=]{0,3}["'`*]?
    |§\s?|[=~!<>^]=?\s?|[a-z0-9_]/)\Z"""
)
_SIGN = re.compile(r"[^0-9.,;:|\s]")
_ASSIGNED = re.compile(r"(?i)\b(?!\w*version)[a-z_][\w-]{0,30}\s?=\s?\Z")
_JOINED_BEFORE = frozenset(".0123456789")
_JOINED_AFTER = frozenset("0123456789")
_WORD_BEFORE = re.compile(r"(?<!ip[-_])(?<!host[-_])[A-Za-z_\-]\Z", re.IGNORECASE)
_WORD_AFTER = re.compile(r"[A-Za-z_]|\.[0-9A-Za-z_]|-[A-Za-z]")
_PORT = re.compile(r":[0-9]{2,5}(?![0-9.])")
_QUOTED_OFTEN = frozenset(
    (
        "8.8.8.8",
        "8.8.4.4",
        "1.1.1.1",
        "1.0.0.1",
        "9.9.9.9",
        "208.67.222.222",
        "208.67.220.220",
        "169.254.169.254",
    )
)
_PRIVATE = tuple(IPv4Network(network) for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_HEX = "0-9A-Fa-f"
_COLONS = re.compile(rf":[{_HEX}]{{0,4}}:")
_IPV6 = re.compile(
    rf"(?<![A-Za-z0-9_:.])(?:[{_HEX}]{{1,4}}:|:(?=:)){{1,7}}:?(?:[{_HEX}]{{1,4}}|(?:[{_HEX}]{{1,4}}:){{0,6}}[{_HEX}]{{0,4}})"
    rf"(?::[{_HEX}]{{1,4}}){{0,6}}(?:(?<=:)[0-9]{{1,3}}(?:\.[0-9]{{1,3}}){{3}}|(?:\.[0-9]{{1,3}}){{3}})?(?![A-Za-z0-9_:])"
)
_HOSTS = tuple(
    IPv6Network(network) for network in ("2000::/3", "fc00::/7", "fe80::/10", "64:ff9b::/96", "::ffff:0:0/96")
)
_MAC = re.compile(
    rf"(?<![A-Za-z0-9_:-])(?:[{_HEX}]{{2}}(?::[{_HEX}]{{2}}){{5}}|[{_HEX}]{{2}}(?:-[{_HEX}]{{2}}){{5}})(?![A-Za-z0-9_]|[:-][{_HEX}])"
)
_MAC_HINT = re.compile(rf"-[{_HEX}]{{2}}-")
_MAC_DOTTED = re.compile(
    rf"(?<![A-Za-z0-9_.])[{_HEX}]{{4}}\.[{_HEX}]{{4}}\.[{_HEX}]{{4}}(?![A-Za-z0-9_]|\.[{_HEX}])"
)
_MAC_DOT_HINT = re.compile(rf"\.[{_HEX}]{{4}}\.")

HINTS = "|".join(hint.pattern for hint in (_IPV4, _COLONS, _MAC_HINT, _MAC_DOT_HINT))
"""A pattern for RE2, Arrow's engine; there is no address in a text that it does not match."""


def find_ipv4(text: str, digit_run: DigitRun) -> Iterator[Span]:
    """Yield the IPv4 addresses in a digit run."""
    for match in _IPV4.finditer(text, digit_run.start, digit_run.end):
        start, end = match.span()
        if text[start - 1 : start] in _JOINED_BEFORE or text[end : end + 1] in _JOINED_AFTER:
            continue
        before, after = text[max(0, start - 24) : start], text[end : end + 2]
        if _WORD_BEFORE.search(before) or _WORD_AFTER.match(after):
            continue
        port = _PORT.match(text, end)
        if _SIGN.search(before) and not port and _NO_ADDRESS.search(before) and not _ASSIGNED.search(before):
            continue
        if address := _host(match[0], text, end):
            yield Span(start, end, PlaceholderKind.IP, address)


def _host(value: str, text: str, end: int) -> str | None:
    octets = value.split(".")
    first = int(octets[0])
    if first in (0, 127) or first >= 224 or value in _QUOTED_OFTEN:
        return None
    if any(int(octet) > 255 or (octet[0] == "0" and len(octet) > 1) for octet in octets):
        return None
    if first in (10, 172, 192) and (length := _PREFIX_LENGTH.match(text, end)) and int(length[1]) < 32:
        address = IPv4Address(value)
        is_network = int(address) % (1 << (32 - int(length[1]))) == 0
        if is_network and any(address in network for network in _PRIVATE):
            return None
    return value


def find_colon_addresses(text: str) -> Iterator[Span]:
    """Yield the IPv6 and MAC addresses of ``text``."""
    done = 0
    for hint in _COLONS.finditer(text):
        if hint.start() < done:
            continue
        start, end = _stretch(text, hint.start(), hint.end(), done)
        done = end
        if end - start > 60 or not any(character.isdigit() for character in text[start:end]):
            continue
        if mac := _MAC.search(text, start, end + 1):
            yield from _mac(mac)
        elif match := _IPV6.search(text, max(0, start), min(len(text), end + 1)):
            try:
                address = IPv6Address(match[0])
            except AddressValueError:
                continue
            if any(address in network for network in _HOSTS) and not _is_loopback(address):
                yield Span(match.start(), match.end(), PlaceholderKind.IP, str(address))
    for hinted, pattern in ((_MAC_HINT, _MAC), (_MAC_DOT_HINT, _MAC_DOTTED)):
        if hinted.search(text):
            for match in pattern.finditer(text):
                yield from _mac(match)


def _is_loopback(address: IPv6Address) -> bool:
    mapped = address.ipv4_mapped
    return mapped is not None and (mapped.is_loopback or mapped.is_unspecified)


def _stretch(text: str, start: int, end: int, floor: int) -> tuple[int, int]:
    """Extend a match to the hexadecimal digits, colons and dots around it; return its new start and end."""
    while start > floor and text[start - 1] in "0123456789abcdefABCDEF:.":
        start -= 1
    size = len(text)
    while end < size and text[end] in "0123456789abcdefABCDEF:.":
        end += 1
    while end > start and text[end - 1] == ".":
        end -= 1
    return start, end


def _mac(match: re.Match[str]) -> Iterator[Span]:
    digits = re.sub(r"[:.\-]", "", match[0]).lower()
    if len(set(digits)) > 1 and not (digits.isdigit() and "-" in match[0]):
        yield Span(match.start(), match.end(), PlaceholderKind.MAC, digits)
