"""A stretch of text that may have to go."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
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


class Candidate(NamedTuple):
    """Characters ``start`` to ``end`` of one text.

    ``key`` is the value in its normal form: equal keys of one kind get one placeholder. A candidate that is
    not ``certain`` counts only if the same conversation holds the same key with certainty somewhere.
    """

    start: int
    end: int
    kind: Kind
    key: str
    certain: bool = True
