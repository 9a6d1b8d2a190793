"""Compatibility of the sources' licences in one published dataset.

This is no legal advice: the check reads the names of licences (SPDX-like, or in words) and the elements of Creative
Commons licences.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exports.context import UNKNOWN
from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ADVICE = "leave their sources out, or write it for your own use with --any-licence and do not publish it"


class LicenceConflictError(WorkbenchError):
    """The licences of the rows do not allow to publish them as one dataset."""


def licence_conflicts(licences: Collection[str]) -> list[str]:
    """Return the reasons why rows under these licences cannot be published as one dataset.

    A licence that forbids derivatives, and one that forbids redistribution (LMSYS-Chat-1M), exclude any training
    set. Two different share-alike licences conflict, because each requires the whole dataset under itself. A
    share-alike licence that allows commercial use conflicts with a licence that forbids it.
    """
    conflicts = [f"{name} allows no edited copies" for name in sorted(licences) if "nd" in _conditions(name)]
    conflicts += [
        f"{name} does not allow to hand it on" for name in sorted(licences) if "lmsys" in _words(name)
    ]
    alike = sorted(name for name in licences if "sa" in _conditions(name))
    versions = {" ".join(sorted(_conditions(name))) for name in alike}
    if len(versions) > 1:
        conflicts.append(f"{' and '.join(alike)} each want the whole under themselves")
    limited = sorted(name for name in licences if "nc" in _conditions(name) and "sa" not in _conditions(name))
    open_ones = [name for name in alike if "nc" not in _conditions(name)]
    if open_ones and limited:
        conflicts.append(f"{open_ones[0]} allows commercial use of the whole, {limited[0]} does not")
    return conflicts


def licence_notes(licences: Mapping[str, int]) -> list[str]:
    """Return notes for whoever publishes or uses the rows; ``licences`` counts rows by licence."""
    notes = []
    if UNKNOWN in licences:
        notes.append("Rows whose source names no licence count as unknown: ask before you publish them.")
    if limited := sorted(name for name in licences if "nc" in _conditions(name)):
        notes.append(f"Not for commercial use: {', '.join(limited)}.")
    notes += [f"Not to be published as it is: {conflict}." for conflict in licence_conflicts(licences)]
    return notes


def check_licences(licences: Collection[str]) -> None:
    """Raise an error if rows under these licences cannot be published as one dataset.

    Raises:
        LicenceConflictError: they do not go together; the message says why and what to do.
    """
    if conflicts := licence_conflicts(licences):
        raise LicenceConflictError(f"{'; '.join(conflicts)}: {ADVICE}")


def _words(licence: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", licence.casefold()))


def _conditions(licence: str) -> set[str]:
    """Return the conditions of a Creative Commons licence: of by, nc, nd, sa."""
    words = _words(licence)
    return words & {"by", "nc", "nd", "sa"} if "cc" in words else set()
