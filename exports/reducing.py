"""Reduces a portion of the evidence to rows on their way to buckets, and to counts that add up over portions.

What can meet in an item, or belongs into one split, is in one portion: so each portion decides its items and their
splits alone, and what is made of all of them does not depend on how they were divided.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from exports.accounting import account
from exports.choosing import chosen, names_of
from exports.context import canonical
from exports.counts import Redactions
from exports.filling import fill
from exports.holders import HoldersSought
from exports.licence_names import all_identified
from exports.plain_rules import in_columns
from exports.plan import Reduced
from exports.shortage import found_in, to_train_on, with_states
from exports.sides import assigned
from exports.splits import SplitItem
from workspaces.garbage import collector_paused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from exports.contamination import Contamination
    from exports.items import ExportItem, ItemT
    from exports.plain_evidence import EvidenceColumns
    from exports.plan import Plan
    from exports.projection import Evidence, Projection, Selection


class Portion(Protocol):
    """A portion of the evidence, the same each time it is read."""

    def __call__(self, groups: Collection[int] | None = None) -> Evidence:
        """Return the evidence; with groups (``EvidenceColumns``), what is in these alone."""
        ...

    def columns(self) -> EvidenceColumns | None:
        """Return the evidence as tables; None where it is not in tables."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """The one portion of evidence that is in memory."""

    evidence: Evidence

    def __call__(self, groups: Collection[int] | None = None) -> Evidence:
        """Return it: it has no groups."""
        return self.evidence

    def columns(self) -> None:
        """Return nothing: it is not in tables."""


def reduced(portion: Portion, number: int, plan: Plan) -> Reduced:
    """Reduce a portion of the evidence, the one with this number."""
    with collector_paused():
        folder = Path(plan.folder) / f"{number:05}"
        folder.mkdir(exist_ok=True)  # in one that is gone, nothing is left behind
        evidence = portion.columns() if _in_columns(plan) else None
        if evidence is None:
            return _reduced(plan.prepared(portion()), folder, plan)
        return _reduced_both(portion, evidence, folder, plan)


def _in_columns(plan: Plan) -> bool:
    """Return whether what is plain may be reduced in columns: no rule looks at answers or pairs one by one."""
    projection = plan.projection
    return (
        all(spec.of_columns is not None for spec in projection.tables)
        and projection.measure_columns is not None
        and not projection.test_only
        and projection.arrange is None
        and in_columns(plan.rules)
    )


def _reduced_both(portion: Portion, evidence: EvidenceColumns, folder: Path, plan: Plan) -> Reduced:
    """Reduce what is plain in columns, and the rest item by item."""
    from exports.plain_pairs import plain_pairs
    from exports.reducing_columns import reduced_columns

    found = plain_pairs(evidence, plan.rules, plan.projection.select_columns)
    if found is None:
        return _reduced(plan.prepared(portion()), folder, plan)
    made = reduced_columns(found, folder, plan)
    if not found.rest:
        return made
    rest = folder / "rest"
    rest.mkdir(exist_ok=True)
    made.add(_reduced(plan.prepared(portion(found.rest)), rest, plan))
    return made


def _reduced(evidence: Evidence, folder: Path, plan: Plan) -> Reduced:
    projection, accepts = plan.projection, plan.projection.training_table.accepts
    selected = projection.select(evidence)
    selection = chosen(selected, plan.rules, evidence, accepts)
    selection = replace(selection, omissions=with_states(selection.omissions, evidence))
    splits = _splits(selection, evidence, plan)
    trained = [item for item in selection.items if accepts(item)]
    redactions, holders = Redactions(), HoldersSought(selection.items, evidence.annotations)
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
        licence_ids=_counts(all_identified(item.licences) for item in trained),
        sources=_counts(item.sources for item in trained),
        rules_versions=_counts(item.rules_versions for item in trained),
        annotators={person_id for item in selection.items for person_id in item.person_ids},
        contaminated=_asked_of_benchmarks(selected, plan, evidence),
        names=names_of(selected.items, plan.rules, evidence),
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
