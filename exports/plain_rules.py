"""The rules of ``exports.choosing`` in columns: which plain answers and pairs they leave out, and at which rule."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from exports.arrays import NOWHERE, codes_of, rows_at
from exports.choosing import EVERYTHING, ITEM_RULES, NAMES
from exports.licence_names import licence_key
from exports.omissions import OmissionReason
from exports.pair_columns import NEITHER

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from exports.arrays import Flags, Numbers
    from exports.pair_columns import PairColumns
    from exports.projection import Evidence
    from workspaces.config.exports import ExportsConfig

ONE_BY_ONE = ("own", "decontaminate", "test_people", "test_from")
"""The keys of rules that look at answers or items one by one."""
OF_ANSWERS = (
    OmissionReason.OTHER_KIND,
    OmissionReason.NOT_FROM_CHAT,
    OmissionReason.FROM_PLATFORM,
    OmissionReason.OTHER_TIME,
)
"""Why rules leave plain answers out, which come from a platform; an answer falls out at the first."""
_DAY = 86_400 * 1_000_000
_FIRST_DAY = date(1970, 1, 1).toordinal()


def in_columns(rules: ExportsConfig) -> bool:
    """Return whether all rules in force can be told of columns."""
    return all(getattr(rules, key) == getattr(EVERYTHING, key) for key in ONE_BY_ONE)


def about_items(rules: ExportsConfig) -> bool:
    """Return whether rules may leave out pairs."""
    return any(getattr(rules, rule.key) != getattr(EVERYTHING, rule.key) for rule in ITEM_RULES)


def answers_left_out(
    rules: ExportsConfig, kinds: Sequence[str], kind_codes: Numbers, updated_at: pa.TimestampArray
) -> Numbers:
    """Return the place in ``OF_ANSWERS`` of why each answer is left out, ``NOWHERE`` of one that counts.

    Args:
        rules: the rules.
        kinds: the names of task kinds.
        kind_codes: the place of the kind of each answer's task.
        updated_at: when each was given, in microseconds.
    """
    found = np.full(len(kind_codes), NOWHERE, np.int64)
    if rules.since is not None or rules.until is not None:
        days = np.asarray(updated_at.cast(pa.int64()), np.int64) // _DAY + _FIRST_DAY
        early = rules.since is not None and days < rules.since.toordinal()
        late = rules.until is not None and days > rules.until.toordinal()
        found[early | late] = OF_ANSWERS.index(OmissionReason.OTHER_TIME)
    if rules.imported == "only":
        found[:] = OF_ANSWERS.index(OmissionReason.FROM_PLATFORM)
    if rules.chat == "only":
        found[:] = OF_ANSWERS.index(OmissionReason.NOT_FROM_CHAT)
    if rules.kinds:
        others = np.array([kind not in rules.kinds for kind in kinds], np.bool_)
        found[others[kind_codes]] = OF_ANSWERS.index(OmissionReason.OTHER_KIND)
    return found


def pairs_left_out(pairs: PairColumns, rules: ExportsConfig, everybody: Evidence) -> Numbers:
    """Return the place in ``ITEM_RULES`` of the rule at which each pair falls out, ``NOWHERE`` of one that stays."""
    found = np.full(len(pairs), NOWHERE, np.int64)
    decided = pairs.winners != NEITHER
    for number, rule in enumerate(ITEM_RULES):
        if getattr(rules, rule.key) != getattr(EVERYTHING, rule.key):
            falls = (found == NOWHERE) & ~_HOLDS[rule.key](pairs, rules, everybody)
            found[falls & decided if rule.of_votes else falls] = number
    return found


def names_of_pairs(pairs: PairColumns, rules: ExportsConfig) -> dict[str, set[str]]:
    """Return the names that pairs have, as ``exports.choosing.names_of`` does of items."""
    found = {}
    for key in NAMES:
        if getattr(rules, key):
            names, places = _named(pairs, key)
            found[key] = {*rows_at(names, np.unique(places)).to_pylist()}
    return found


def _named(pairs: PairColumns, key: str) -> tuple[pa.StringArray, Numbers]:
    """Return the names that a rule is about, and the places of those of both sides of each pair."""
    if key == "models":
        return pairs.models, pairs.responses
    origins = pairs.origins
    names = {"languages": origins.languages, "sources": origins.sources, "licences": origins.licences}
    return names[key], pairs.chats


def _among(pairs: PairColumns, key: str, allowed: Collection[str], fold: Callable[[str], str] = str) -> Flags:
    """Return of which pairs both sides have a name that is allowed."""
    names, places = _named(pairs, key)
    codes, known = codes_of(names)
    wanted = set(map(fold, allowed))
    fine = np.array([fold(name) in wanted for name in known], np.bool_)
    found: Flags = np.all(fine[codes[places]], axis=1)
    return found


def _unflagged(pairs: PairColumns, _: ExportsConfig, everybody: Evidence) -> Flags:
    flagged = everybody.flagged
    known = np.array([name in flagged for name in pairs.origins.ids.to_pylist()], np.bool_)
    found: Flags = ~np.any(known[pairs.chats], axis=1)
    return found


_HOLDS: Mapping[str, Callable[[PairColumns, ExportsConfig, Evidence], Flags]] = {
    # a person has one vote on a pair
    "min_people": lambda pairs, rules, _: pairs.n_votes >= rules.min_people,
    "min_agreement": lambda pairs, rules, _: pairs.agreement >= rules.min_agreement,
    "min_margin": lambda pairs, rules, _: pairs.margin >= (rules.min_margin or 0.0),
    "min_posterior": lambda pairs, rules, _: pairs.posterior >= rules.min_posterior,
    "skip_flags": _unflagged,
    "languages": lambda pairs, rules, _: _among(pairs, "languages", rules.languages),
    "models": lambda pairs, rules, _: _among(pairs, "models", rules.models),
    "sources": lambda pairs, rules, _: _among(pairs, "sources", rules.sources),
    "licences": lambda pairs, rules, _: _among(pairs, "licences", rules.licences, licence_key),
}
"""What each rule holds of; that of ``decontaminate`` looks at prompts one by one."""
