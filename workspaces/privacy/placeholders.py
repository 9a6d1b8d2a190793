"""What stands in a text for what redaction took out, such as ``[EMAIL_1]``; apart from it, which is slow to load."""

from __future__ import annotations

import re
from enum import StrEnum


class PlaceholderKind(StrEnum):
    """What a placeholder stands for. Of two matches of one length, the kind named first here wins."""

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
    ACCOUNT = "ACCOUNT"  # this and the next are found by Presidio alone
    LOCATION = "LOCATION"


PLACEHOLDER = re.compile(rf"\[({'|'.join(PlaceholderKind)})_([0-9]{{1,9}})\]")
"""Its groups are the kind and the number."""
