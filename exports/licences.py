"""Compatibility of the sources' licences in one published dataset.

This is no legal advice: the check reads the names of licences and compares what ``exports.licence_terms`` says of them.
"""

from __future__ import annotations

from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING

from exports.context import UNKNOWN
from exports.licence_terms import NON_COMMERCIAL_WHOLES, Terms, terms_of
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ADVICE = (
    "name the licences that go together with --licence (or sources with --source), or write it for your own use with "
    "--any-licence and do not publish it"
)


class LicenceConflictError(WorkbenchError):
    """The licences of the rows do not allow to publish them as one dataset."""


def licence_conflicts(licences: Collection[str]) -> list[str]:
    """Return the reasons why rows under these licences cannot be published as one dataset.

    A licence that forbids derivatives, and one that forbids redistribution (LMSYS-Chat-1M), exclude any training
    set. Any other licence allows some licences for the whole: a permissive one all, a copyleft or share-alike one
    itself and those that it declares compatible, a non-commercial one those that forbid commercial use. Two licences
    without a common one conflict.
    """
    terms = {name: terms_of(name) for name in sorted(licences)}
    conflicts = [f"{name} allows no edited copies" for name, each in terms.items() if each.no_edits]
    conflicts += [f"{name} does not allow to hand it on" for name, each in terms.items() if each.no_sharing]
    conflicts += [
        f"its parts want the whole of {name} under different licences"
        for name, each in terms.items()
        if not each.wholes
    ]
    named = [name for name, each in terms.items() if each.wholes]
    pairs = [
        (one, other) for one, other in combinations(named, 2) if not terms[one].wholes & terms[other].wholes
    ]
    conflicts += dict.fromkeys(_conflict(one, other, terms) for one, other in pairs)
    if not pairs and named and not reduce(frozenset.__and__, (terms[name].wholes for name in named)):
        conflicts.append(f"{', '.join(named)} have no licence in common that the whole could have")
    return conflicts


def _conflict(one: str, other: str, terms: Mapping[str, Terms]) -> str:
    limited = [name for name in (one, other) if terms[name].wholes <= NON_COMMERCIAL_WHOLES]
    if len(limited) == 1 and not terms[limited[0]].shares_alike:
        (name,) = {one, other} - set(limited)
        return f"{name} allows commercial use of the whole, {limited[0]} does not"
    restricted = [name for name in (one, other) if terms[name].restriction and not terms[name].shares_alike]
    if len(restricted) == 1:
        (name,) = {one, other} - set(restricted)
        return f"{name} allows no further restrictions, {restricted[0]} has some"
    return f"{one} and {other} each want the whole under themselves"


def licence_notes(licences: Mapping[str, int]) -> list[str]:
    """Return notes for whoever publishes or uses the rows; ``licences`` counts rows by licence."""
    terms = {name: terms_of(name) for name in sorted(licences)}
    notes = []
    if UNKNOWN in licences:
        notes.append("Rows whose source names no licence count as unknown: ask before you publish them.")
    if limited := [name for name, each in terms.items() if each.non_commercial]:
        notes.append(f"Not for commercial use: {', '.join(limited)}.")
    notes += [f"{name}: {each.restriction}." for name, each in terms.items() if each.restriction]
    if strange := [name for name, each in terms.items() if not each.known and name != UNKNOWN]:
        notes.append(f"Not known to the check of licences, read them first: {', '.join(strange)}.")
    if alike := [name for name, each in terms.items() if each.shares_alike]:
        notes.append(f"The whole has to be published under the terms of: {', '.join(alike)}.")
    notes += [f"Not to be published as it is: {conflict}." for conflict in licence_conflicts(licences)]
    return notes


def check_licences(licences: Collection[str]) -> None:
    """Raise an error if rows under these licences cannot be published as one dataset.

    Raises:
        LicenceConflictError: they do not go together; the message says why and what to do.
    """
    if conflicts := licence_conflicts(licences):
        raise LicenceConflictError(f"{'; '.join(conflicts)}: {ADVICE}")
