"""The accounts that points move between.

``treasury`` gives and takes back, ``spent`` collects what was bought. A person has three: ``person:ID`` is what
they can spend, ``held:ID`` what is set aside for purchases under way, ``owed:ID`` (never above zero) what was
taken back when it was spent already; the next credits pay that first. The first two never go below zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TREASURY = "treasury"
SPENT = "spent"

PERSON, HELD, OWED = "person:", "held:", "owed:"


def person_account(person_id: str) -> str:
    """Return the account of what a person can spend."""
    return PERSON + person_id


def held_account(person_id: str) -> str:
    """Return the account of what is set aside for a person's purchases under way."""
    return HELD + person_id


def owed_account(person_id: str) -> str:
    """Return the account of what a person has to work off."""
    return OWED + person_id


def credit(person_id: str, points: int) -> dict[str, int]:
    """Return entries that move points from the treasury to a person (back, when negative)."""
    return {person_account(person_id): points, TREASURY: -points}


def split_debt(requested: Mapping[str, int], balances: Mapping[str, int]) -> dict[str, int]:
    """Return the entries that a request comes to where nobody goes below zero. Pure.

    What cannot be taken from a person is owed; what is owed is paid before a person gets anything.

    Args:
        requested: points by account.
        balances: the balance of every person's account in it and of what they owe; 0 for one that is missing.
    """
    entries = dict(requested)
    for account, points in requested.items():
        if not account.startswith(PERSON):
            continue
        owed = owed_account(account.removeprefix(PERSON))
        moved = (
            max(points, -balances.get(account, 0))
            if points < 0
            else points + max(-points, balances.get(owed, 0))
        )
        if moved != points:
            entries[owed] = points - moved
            if moved:
                entries[account] = moved
            else:
                del entries[account]
    return entries


def requested_entries(entries: Mapping[str, int]) -> dict[str, int]:
    """Return the request that entries came from: the inverse of ``split_debt``. Pure."""
    requested: dict[str, int] = {}
    for account, points in entries.items():
        asked = PERSON + account.removeprefix(OWED) if account.startswith(OWED) else account
        requested[asked] = requested.get(asked, 0) + points
    return requested
