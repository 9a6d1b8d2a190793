"""What is made of every portion of the evidence, and what portions gave."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exports.choosing import EVERYTHING, counted_by
from exports.counts import Counted, Redactions
from exports.sides import apart
from exports.training_content import ContentCounted

if TYPE_CHECKING:
    from exports.accounting import Accounting
    from exports.contamination import Contamination
    from exports.filling import Filled
    from exports.holders import Holders
    from exports.items import ExportItem
    from exports.projection import Evidence, Measure, Projection
    from exports.shortage import Found
    from workspaces.config.exports import ExportsConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made of every portion: a projection, by rules.

    ``buckets`` are those for now: how many items there are, and so how many buckets, is known afterwards. ``folder`` is
    where rows wait.
    """

    projection: Projection[ExportItem]
    rules: ExportsConfig
    test_share: float
    json_lines: bool
    buckets: int
    folder: str

    @property
    def rules_of_sides(self) -> ExportsConfig:
        """The rules by which people and days are divided; none where all is for evaluation."""
        return EVERYTHING if self.projection.test_only else self.rules

    def prepared(self, evidence: Evidence) -> Evidence:
        """Return the evidence without what rules about answers leave out."""
        return apart(self.rules_of_sides, counted_by(self.rules, evidence), self.test_share)


@dataclass(slots=True)
class Reduced:
    """What portions gave.

    ``trained`` counts the items to train on by split and label. ``prompts`` are those of the items by split, where
    their order depends on them. ``names`` are those that items have, with those that fell out, by the rule that allows
    some alone.
    """

    filled: Filled
    measure: Measure[ExportItem]
    found: Found
    accounting: Accounting
    holders: Holders
    items: int = 0
    trained: dict[str, Counter[bool | None]] = field(default_factory=dict)
    redactions: Redactions = field(default_factory=Redactions)
    counted: Counted = field(default_factory=Counted)
    content: ContentCounted = field(default_factory=ContentCounted)
    dropped: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    licence_ids: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    rules_versions: Counter[str] = field(default_factory=Counter)
    annotators: set[str] = field(default_factory=set)
    contaminated: Counter[Contamination] = field(default_factory=Counter)
    prompts: dict[str, dict[str, str]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def add(self, other: Reduced) -> None:
        """Add what another portion gave."""
        self.filled.add(other.filled)
        self.measure.add(other.measure)
        self.found.add(other.found)
        self.accounting += other.accounting
        self.holders.add(other.holders)
        self.items += other.items
        for split, labels in other.trained.items():
            self.trained.setdefault(split, Counter()).update(labels)
        self.redactions.add(other.redactions)
        self.counted.add(other.counted)
        self.content.add(other.content)
        self.dropped += other.dropped
        self.licences += other.licences
        self.licence_ids += other.licence_ids
        self.sources += other.sources
        self.rules_versions += other.rules_versions
        self.annotators |= other.annotators
        self.contaminated += other.contaminated
        for split, prompts in other.prompts.items():
            self.prompts.setdefault(split, {}).update(prompts)
        for key, names in other.names.items():
            self.names.setdefault(key, set()).update(names)
