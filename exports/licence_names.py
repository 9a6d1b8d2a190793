"""The SPDX identifier of a licence, from the ways in which sources write its name.

Only what means one licence for sure has an identifier here: a Creative Commons licence needs its version, and the GNU
licences need to say whether later versions are allowed. Source: https://spdx.org/licenses/ (list 3.25).
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_OF_ONE_VERSION = {
    "CC0-1.0": "cc0|cc-0|cc-zero|cc0-1.0-universal|creative-commons-zero|creative-commons-zero-1.0",
    "ODC-By-1.0": "odc-by|odc-attribution|open-data-commons-attribution-license",
    "ODbL-1.0": "odbl|open-database-license|open-data-commons-open-database-license",
    "PDDL-1.0": "pddl|open-data-commons-public-domain-dedication-and-license",
    "MIT": "mit-license|the-mit-license|expat|mit-expat",
    "Unlicense": "the-unlicense",
}
_OTHERS = {
    "Apache-2.0": "apache-2|apache2|apache-license-2|apache-license-2.0|apache-license-version-2.0|apache-2.0-license",
    "BSD-2-Clause": "bsd-2|simplified-bsd-license",
    "BSD-3-Clause": "bsd-3|new-bsd-license|modified-bsd-license",
    "MPL-2.0": "mpl2|mozilla-public-license-2.0|mozilla-public-license-version-2.0",
    "GPL-2.0-or-later": "gpl-2.0+|gpl-2+|gplv2+|gpl-2-or-later",
    "GPL-3.0-or-later": "gpl-3.0+|gpl-3+|gplv3+|gpl-3-or-later",
    "AGPL-3.0-or-later": "agpl-3.0+|agpl-3+|agplv3+|agpl-3-or-later",
    "LGPL-2.1-or-later": "lgpl-2.1+|lgplv2.1+",
    "LGPL-3.0-or-later": "lgpl-3.0+|lgpl-3+|lgplv3+|lgpl-3-or-later",
}
_PLAIN = [
    "ISC",
    "0BSD",
    "Zlib",
    "WTFPL",
    "BSL-1.0",
    "PostgreSQL",
    "Artistic-2.0",
    "EUPL-1.2",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "CDLA-Sharing-1.0",
    "GPL-2.0-only",
    "GPL-3.0-only",
    "AGPL-3.0-only",
    "LGPL-2.1-only",
    "LGPL-3.0-only",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "OGL-UK-3.0",
    "etalab-2.0",
]

_CC_VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
_CC_ELEMENTS = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd")
_CC_WORDS = (
    ("non-?commercial", "nc"),
    ("share-?alike", "sa"),
    ("no-?deriv(atives|s)?(-works)?", "nd"),
    ("attribution", "by"),
    ("creative-commons", "cc"),
)
_CC_URL = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/(?:licenses/([a-z-]+)/(\d\.\d)|publicdomain/zero/1\.0)"
    r"(?:/(?:deed|legalcode|rdf)(?:\.[a-z-]+)?)?/?",
    re.IGNORECASE,
)


def _identifiers() -> dict[str, str]:
    known = {name.casefold(): name for name in _PLAIN}
    for name, written in {**_OF_ONE_VERSION, **_OTHERS}.items():
        known |= dict.fromkeys((name.casefold(), *written.split("|")), name)
    for elements in _CC_ELEMENTS:
        for version in _CC_VERSIONS:
            key = f"cc-{elements}-{version}"
            known[key] = key.upper()
    return known


_KNOWN = {**_identifiers(), "unknown": "unknown"}


@cache
def identified(name: str) -> str:
    """Return the SPDX identifier of a licence; the name as it is where none is sure.

    ``CC BY 4.0``, ``cc-by-4.0`` and the address of its deed are all ``CC-BY-4.0``; ``cc-by`` stays ``cc-by``.
    """
    if address := _CC_URL.fullmatch(name.strip()):
        elements, version = address.groups()
        key = f"cc-{elements}-{version}".casefold() if elements else "cc0"
        return _KNOWN.get(key, name)
    key = re.sub(r"[\s_,/()-]+", "-", name.casefold()).strip("-.")
    key = re.sub(r"(?<=\d)-(?:international|unported|generic|universal)(?:-license|-licence)?$", "", key)
    key = re.sub(r"\blicence\b", "license", key).removeprefix("the-")
    if key in _KNOWN:
        return _KNOWN[key]
    if key.startswith("creative-commons"):
        for words, short in _CC_WORDS:
            key = re.sub(words, short, key)
        key = re.sub(r"-(public-)?license(?=-\d|$)", "", key).replace("-version-", "-").replace("-v", "-")
    return _KNOWN.get(re.sub(r"^cc(?=by)", "cc-", key), name)


def licence_key(name: str) -> str:
    """Return what is equal of names that are one licence for sure, and of those that differ in case alone."""
    return identified(name).casefold()


def with_words(identifiers: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return how each identifier is shown: with the words that stand for it in the sources, unless but for case it is
    these.
    """
    words: dict[str, set[str]] = {}
    for name in names:
        words.setdefault(identified(name), set()).add(name)
    others = {
        known: sorted(name for name in words.get(known, ()) if name.casefold() != known.casefold())
        for known in identifiers
    }
    return {known: f"{known} (as: {', '.join(some)})" if some else known for known, some in others.items()}


def all_identified(names: Iterable[str]) -> tuple[str, ...]:
    """Return the licences of one row by ``identified``, sorted and each once."""
    return tuple(sorted({identified(name) for name in names}))
