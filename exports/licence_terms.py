"""The terms of licences by their names, as far as they decide what may stand in one published dataset.

``wholes`` of a licence are the licences that a dataset with a part under it may have as a whole. Sources:

- Creative Commons: https://creativecommons.org/share-your-work/licensing-considerations/compatible-licenses
  (BY-SA 4.0 to GPL-3.0, one way) and section 4(b) of BY-SA 3.0 (later versions).
- GNU: https://www.gnu.org/licenses/license-list.html and gpl-faq.html#AllCompatibility (matrix of GPL and LGPL;
  Apache-2.0 is incompatible with GPL-2.0); section 13 of GPL-3.0 and AGPL-3.0.
- ODbL-1.0, section 4.4; CDLA-Sharing-1.0, section 3.1; GFDL-1.3, section 4; EUPL-1.2, appendix.
- LMSYS-Chat-1M Dataset License Agreement: no redistribution.
- OpenAI, Terms of Use, "What you cannot do"; Anthropic, Consumer Terms, section 3; Meta, Llama 2 and 3 Community
  License, section 1.b.v; Llama 3.1 and later, section 1.b.i; Google, Gemma Terms of Use, section 3; BigScience
  OpenRAIL-M, attachment A.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, reduce

OWN_TERMS = "terms of its own that keep every restriction"
PERMISSIVE = "a permissive licence"
GPL_2, GPL_3, AGPL_3 = "GPL-2.0", "GPL-3.0", "AGPL-3.0"
LGPL_2, LGPL_3 = "LGPL-2.1", "LGPL-3.0"
BY_SA = {version: f"CC-BY-SA-{version}.0" for version in (1, 2, 3, 4)}
BY_NC_SA = {version: f"CC-BY-NC-SA-{version}.0" for version in (1, 2, 3, 4)}
ODBL, CDLA, GFDL, EUPL = "ODbL-1.0", "CDLA-Sharing-1.0", "GFDL", "EUPL-1.2"

NON_COMMERCIAL_WHOLES = frozenset({OWN_TERMS, *BY_NC_SA.values()})
EVERY_WHOLE = frozenset(
    {
        *(OWN_TERMS, PERMISSIVE, GPL_2, GPL_3, AGPL_3, LGPL_2, LGPL_3, ODBL, CDLA, GFDL, EUPL),
        *BY_SA.values(),
        *BY_NC_SA.values(),
    }
)

NO_COMPETITION = "its terms forbid to develop models with it that compete with the provider's"
USE_POLICY = "its terms restrict the use, and have to be handed on"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence allows.

    Attributes:
        wholes: the licences that a dataset with a part under this one may have as a whole.
        no_edits: it forbids adapted copies, and a training set is one.
        no_sharing: it forbids to hand copies on.
        non_commercial: it forbids commercial use.
        restriction: any other restriction of use, as a sentence without its full stop; empty: none.
        known: whether the name was recognised.
    """

    wholes: frozenset[str] = EVERY_WHOLE
    no_edits: bool = False
    no_sharing: bool = False
    non_commercial: bool = False
    restriction: str = ""
    known: bool = True

    @property
    def shares_alike(self) -> bool:
        """Whether the whole has to be under certain licences, terms of its own not among them."""
        return OWN_TERMS not in self.wholes

    def __and__(self, other: Terms) -> Terms:
        """Return the terms of a work of which one part is under each of the two."""
        return Terms(
            self.wholes & other.wholes,
            self.no_edits or other.no_edits,
            self.no_sharing or other.no_sharing,
            self.non_commercial or other.non_commercial,
            "; ".join(dict.fromkeys(filter(None, (self.restriction, other.restriction)))),
            self.known and other.known,
        )

    def __or__(self, other: Terms) -> Terms:
        """Return the terms of a work that everybody may take under either of the two."""
        return Terms(
            self.wholes | other.wholes,
            self.no_edits and other.no_edits,
            self.no_sharing and other.no_sharing,
            self.non_commercial and other.non_commercial,
            self.restriction if self.restriction and other.restriction else "",
            self.known and other.known,
        )


def _limited(restriction: str) -> Terms:
    return Terms(frozenset({OWN_TERMS}), restriction=restriction)


_NON_COMMERCIAL = Terms(NON_COMMERCIAL_WHOLES, non_commercial=True)

TABLE: tuple[tuple[str, Terms], ...] = (
    (r"lmsys", Terms(no_sharing=True)),
    (r"all-rights-reserved|proprietary|confidential", Terms(no_sharing=True)),
    (r"open-?ai(?!-?re)|chatgpt|gpt-[345]", _limited(NO_COMPETITION)),
    (r"anthropic|claude", _limited(NO_COMPETITION)),
    (
        r"llama-?[23](?!-?\d)|llama-?3-0",
        _limited("its terms forbid to improve other language models with it"),
    ),
    (r"llama", _limited("a model trained on it has to carry Llama in its name, by its terms")),
    (r"gemma|open-?rail|\brail\b|bigscience", _limited(USE_POLICY)),
    (r"(a-?gpl|affero)", Terms(frozenset({AGPL_3}))),
    (r"(l-?gpl|lesser-general-public).*3", Terms(frozenset({LGPL_3, GPL_3, AGPL_3}))),
    (r"l-?gpl|lesser-general-public", Terms(frozenset({LGPL_2, GPL_2, GPL_3, AGPL_3}))),
    (r"(gpl|general-public).*2.*or-(any-)?later", Terms(frozenset({GPL_2, GPL_3, AGPL_3}))),
    (r"(gpl|general-public)[^0-9]*2", Terms(frozenset({GPL_2}))),
    (r"gpl|general-public|\bgnu-gp", Terms(frozenset({GPL_3, AGPL_3}))),
    (r"eupl", Terms(frozenset({EUPL, GPL_2, GPL_3, AGPL_3, BY_SA[3]}))),
    (r"odbl|open-database", Terms(frozenset({ODBL}))),
    (r"cdla-sharing|community-data-license-agreement-sharing", Terms(frozenset({CDLA}))),
    (r"gfdl|free-documentation", Terms(frozenset({GFDL}))),
    (r"share-?alike|copyleft", Terms(frozenset({BY_SA[4]}))),
    (r"apache", Terms(EVERY_WHOLE - {GPL_2})),
    (
        (
            r"\b(mit|bsd|isc|unlicen[sc]e|zlib|wtfpl|0bsd|pddl|mpl|mozilla|artistic|boost|postgresql|etalab)\b|"
            r"public-domain|odc-by|open-data-commons-attribution|open-government|cdla-permissive|"
            r"community-data-license-agreement-permissive"
        ),
        Terms(),
    ),
)
"""Patterns of names, and the terms of the first that matches. Creative Commons licences are read by their elements."""

_PARTS = re.compile(r"\s*[,;&]\s*|\s+\+\s+|\s+and\s+|\s+with\s+", re.IGNORECASE)
_CHOICES = re.compile(r"\s+or\s+(?!(?:any\s+)?later)", re.IGNORECASE)
_NON_COMMERCIAL_WORDS = re.compile(r"\bnc\b|non-?commercial|research-(use-)?only|academic|not-for-profit")


@cache
def terms_of(name: str) -> Terms:
    """Return the terms of a licence, given by an SPDX identifier, an SPDX expression, or in words.

    Parts joined by commas, "and" or "with" all hold; of parts joined by "or" anybody may choose one. The terms of a
    name that nobody knows are those of a permissive licence, not ``known``.
    """
    if _CHOICES.search(name):
        return reduce(Terms.__or__, map(terms_of, _CHOICES.split(name.strip("() "))))
    parts = [part for part in _PARTS.split(name) if part.strip(" ()")]
    if len(parts) > 1:
        terms = [terms_of(part) for part in parts]
        return replace(reduce(Terms.__and__, terms), known=any(part.known for part in terms))
    plain = re.sub(r"(?<=\d)\+", "-or-later", name.casefold())
    plain = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if re.search(r"\bcc0?\b|\bcc-?by|creative-?commons|\bcc-zero", plain):
        return _creative_commons(plain)
    of_name = next((terms for pattern, terms in TABLE if re.search(pattern, plain)), Terms(known=False))
    return of_name & _NON_COMMERCIAL if _NON_COMMERCIAL_WORDS.search(plain) else of_name


def _creative_commons(name: str) -> Terms:
    """Return the terms of a Creative Commons licence by its elements."""
    no_edits = re.search(r"\bnd\b|no-?deriv", name) is not None
    limited = _NON_COMMERCIAL_WORDS.search(name) is not None
    if re.search(r"\bsa\b|share-?alike", name):
        found = re.search(r"[1-4](?=-[05]\b|$|-[a-z])", name)
        version = int(found[0]) if found else 4
        family = BY_NC_SA if limited else BY_SA
        # version 1.0 knows no later versions
        wholes = {family[each] for each in family if each == version or each > version > 1}
        if version == 4 and not limited:
            wholes.add(GPL_3)
        return Terms(frozenset(wholes), no_edits, non_commercial=limited)
    return Terms(NON_COMMERCIAL_WHOLES if limited else EVERY_WHOLE, no_edits, non_commercial=limited)
