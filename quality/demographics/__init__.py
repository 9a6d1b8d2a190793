"""Statistics by group of people, published without disclosing individuals: suppression, audit and releases."""

from quality.demographics.association import Association, association
from quality.demographics.breakdown import Enough, breakdown, dominated, members_of
from quality.demographics.noise import noisy_counts
from quality.demographics.release import Member, Roster, Snapshot, next_snapshot
from quality.demographics.tables import Cell, View, count, views_of

__all__ = [
    "Association",
    "Cell",
    "Enough",
    "Member",
    "Roster",
    "Snapshot",
    "View",
    "association",
    "breakdown",
    "count",
    "dominated",
    "members_of",
    "next_snapshot",
    "noisy_counts",
    "views_of",
]
