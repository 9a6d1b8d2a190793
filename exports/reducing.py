"""Reduces a portion of the evidence to rows on their way to buckets, and to counts that add up over portions.

What can meet in an item, or belongs into one split, is in one portion: so each portion decides its items and their
splits alone, and what is made of all of them does not depend on how they were divided.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from exports.accounting import Accounting, account
from exports.choosing import EVERYTHING, chosen, counted_by
from exports.context import canonical
from exports.counts import Counted, Redactions
from exports.filling import Filled, fill
from exports.holders import Holders, HoldersSought
from exports.shortage import Found, found_in, to_train_on, with_states
from exports.sides import apart, assigned
from exports.splits import SplitItem
from exports.training_content import ContentCounted
from workspaces.garbage import collector_paused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from exports.contamination import Contamination
    from exports.items import ExportItem, ItemT
    from exports.projection import Evidence, Measure, Projection, Selection
    from workspaces.config.exports import ExportsConfig

    Portion = Callable[[], Evidence]
    """Returns a portion of the evidence, the same each time."""


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
    their order depends on them.
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
    sources: Counter[str] = field(default_factory=Counter)
    rules_versions: Counter[str] = field(default_factory=Counter)
    annotators: set[str] = field(default_factory=set)
    contaminated: Counter[Contamination] = field(default_factory=Counter)
    prompts: dict[str, dict[str, str]] = field(default_factory=dict)

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
        self.sources += other.sources
        self.rules_versions += other.rules_versions
        self.annotators |= other.annotators
        self.contaminated += other.contaminated
        for split, prompts in other.prompts.items():
            self.prompts.setdefault(split, {}).update(prompts)


def reduced(portion: Portion, number: int, plan: Plan) -> Reduced:
    """Reduce a portion of the evidence, the one with this number."""
    with collector_paused():
        return _reduced(portion, number, plan)


def _reduced(portion: Portion, number: int, plan: Plan) -> Reduced:
    projection, accepts = plan.projection, plan.projection.training_table.accepts
    evidence = plan.prepared(portion())
    selected = projection.select(evidence)
    selection = chosen(selected, plan.rules, evidence, accepts)
    selection = replace(selection, omissions=with_states(selection.omissions, evidence))
    splits = _splits(selection, evidence, plan)
    trained = [item for item in selection.items if accepts(item)]
    redactions, holders = Redactions(), HoldersSought(selection.items, evidence.annotations)
    folder = Path(plan.folder) / f"{number:05}"
    folder.mkdir(exist_ok=True)  # in one that is gone, nothing is left behind
    found = Reduced(
        filled=fill(
            folder,
            projection,
            selection.items,
            splits,
            selection.omissions,
            plan.buckets,
            json_lines=plan.json_lines,
            see=holders.see,
            see_trained=redactions.see,
        ),
        measure=projection.measure(),
        found=found_in(selection, evidence),
        accounting=account(projection, selection, evidence),
        holders=holders.found,
        items=len(selection.items),
        redactions=redactions,
        dropped=Counter(omission.reason.value for omission in selection.omissions),
        licences=_counts(item.licences for item in trained),
        sources=_counts(item.sources for item in trained),
        rules_versions=_counts(item.rules_versions for item in trained),
        annotators={person_id for item in selection.items for person_id in item.person_ids},
        contaminated=_asked_of_benchmarks(selected, plan, evidence),
    )
    found.measure.see(trained)
    found.counted.see(trained)
    found.content.see(trained, evidence)
    for item in trained:
        found.trained.setdefault(splits[item.id], Counter())[projection.label(item)] += 1
    if projection.arrange is not None:
        for item in selection.items:
            found.prompts.setdefault(splits[item.id], {})[item.id] = canonical(item.prompt)
    return found


def numbers_to_train_on(
    portion: Portion, plan: Plan, projections: Sequence[Projection[ExportItem]]
) -> Counter[str]:
    """Return the number of items to train on that projections find in a portion by the same rules, by name."""
    evidence = plan.prepared(portion())
    return Counter({other.name: to_train_on(other, evidence, plan.rules) for other in projections})


def _asked_of_benchmarks(
    selection: Selection[ItemT], plan: Plan, evidence: Evidence
) -> Counter[Contamination]:
    """Return how benchmarks contaminate the prompts of the items that no other rule leaves out."""
    if evidence.benchmarks is None:
        return Counter()
    accepts = plan.projection.training_table.accepts
    kept = chosen(selection, plan.rules, replace(evidence, benchmarks=None), accepts)
    return evidence.benchmarks.count(item.prompt for item in kept.items)


def _splits(selection: Selection[ItemT], evidence: Evidence, plan: Plan) -> dict[str, str]:
    """Return the split of each item by id."""
    groups = evidence.near_duplicates
    items = (
        SplitItem(
            item.id,
            item.conversation_ids,
            item.prompt,
            tuple(groups[name] for name in item.conversation_ids if name in groups),
        )
        for item in selection.items
    )
    return assigned(items, plan.rules_of_sides, evidence, plan.test_share)


def _counts(groups: Iterable[tuple[str, ...]]) -> Counter[str]:
    """Return the number of items by name."""
    return Counter(name for names in groups for name in names)
