"""The accounts that points move between.

``treasury`` pays points out and takes corrections back; ``spent`` receives the points of purchases. Each person has
three accounts: ``person:ID`` holds the points they can spend, ``held:ID`` the points set aside for open purchases, and
``owed:ID`` (never above zero) the points that were taken back after the person had spent them; later credits repay
that debt first. The first two never go below zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TREASURY = "treasury"
SPENT = "spent"

PERSON, HELD, OWED = "person:", "held:", "owed:"


def person_account(person_id: str) -> str:
    """Return the account of the points that a person can spend."""
    return PERSON + person_id


def held_account(person_id: str) -> str:
    """Return the account of the points set aside for a person's open purchases."""
    return HELD + person_id


def owed_account(person_id: str) -> str:
    """Return the account of a person's debt."""
    return OWED + person_id


def credit(person_id: str, points: int) -> dict[str, int]:
    """Return entries that move points from the treasury to a person; negative points move back."""
    return {person_account(person_id): points, TREASURY: -points}


def split_debt(requested: Mapping[str, int], balances: Mapping[str, int]) -> dict[str, int]:
    """Return the entries that carry out a request without taking a person below zero. Pure.

    Points that cannot be taken from a person become a debt; a credit repays the debt before the person gets anything.

    Args:
        requested: points by account.
        balances: the balance of each requested person account and of its ``owed`` account; a missing one counts as 0.
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
    """Return the request that led to these entries: the inverse of ``split_debt``. Pure."""
    requested: dict[str, int] = {}
    for account, points in entries.items():
        requested_account = PERSON + account.removeprefix(OWED) if account.startswith(OWED) else account
        requested[requested_account] = requested.get(requested_account, 0) + points
    return requested
