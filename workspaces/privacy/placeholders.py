"""Placeholders such as ``[EMAIL_1]``, which replace redacted text.

This module is separate from redaction, which is slow to import.
"""

from __future__ import annotations

import re
from enum import StrEnum


class PlaceholderKind(StrEnum):
    """The kind of data that a placeholder replaces. Of two matches of equal length, the kind listed first wins."""

    IBAN = "IBAN"
    CARD = "CARD"
    NATIONAL_ID = "NATIONAL_ID"
    EMAIL = "EMAIL"
    MAC = "MAC"
    IP = "IP"
    COORDINATES = "COORDINATES"
    SECRET = "SECRET"  # noqa: S105 - a name, not a value
    PHONE = "PHONE"
    NAME = "NAME"
    ACCOUNT = "ACCOUNT"  # only Presidio finds this kind and the next
    LOCATION = "LOCATION"


PLACEHOLDER = re.compile(rf"\[({'|'.join(PlaceholderKind)})_([0-9]{{1,9}})\]")
"""Matches a placeholder; its groups are the kind and the number."""
