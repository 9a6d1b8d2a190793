"""What became of every judgment and of every item that judgments make: the figures add up to all of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exports.omissions import left_out
from exports.projection import every_item
from workspaces.grammar import counted, plural, word_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from exports.items import ItemT
    from exports.projection import Evidence, Projection, Selection

TO_TRAIN, TO_EVALUATE = "to train on", "to evaluate on"
NO_TABLE = "no table"
"""Where items are that no table of a projection takes, beside those that every table has."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """The judgments of an export (answers, drafts and imported judgments) and its items, such as pairs, by their end.

    ``judgments = judgments_trained + sum(judgments_beside.values()) + sum(judgments_left_out.values())``: behind an
    item to train on, behind an item of another table alone, or left out for one reason. ``items = items_trained +
    sum(items_beside.values()) + sum(items_left_out.values())``. ``tasks_without_judgment`` are beside both. ``use``
    says in words what the first table is for.
    """

    judgments: int
    judgments_trained: int
    judgments_beside: Mapping[str, int]
    judgments_left_out: Mapping[str, int]
    item: str
    items: int
    items_trained: int
    items_beside: Mapping[str, int]
    items_left_out: Mapping[str, int]
    tasks_without_judgment: int
    use: str = TO_TRAIN

    def as_json(self) -> dict[str, JsonValue]:
        """Return the figures as the manifest and ``--json`` hold them."""
        return {
            "judgments": {
                "all": self.judgments,
                "trained": self.judgments_trained,
                **self.judgments_beside,
                "left_out": {**self.judgments_left_out},
            },
            "items": {
                "what": self.item,
                "all": self.items,
                "trained": self.items_trained,
                **self.items_beside,
                "left_out": {**self.items_left_out},
            },
            "tasks_without_judgment": self.tasks_without_judgment,
        }

    def __add__(self, other: Accounting) -> Accounting:
        """Return the accounting of two portions together: no answer and no item is in both."""
        return Accounting(
            judgments=self.judgments + other.judgments,
            judgments_trained=self.judgments_trained + other.judgments_trained,
            judgments_beside=_sum(self.judgments_beside, other.judgments_beside),
            judgments_left_out=_sum(self.judgments_left_out, other.judgments_left_out),
            item=self.item,
            items=self.items + other.items,
            items_trained=self.items_trained + other.items_trained,
            items_beside=_sum(self.items_beside, other.items_beside),
            items_left_out=_sum(self.items_left_out, other.items_left_out),
            tasks_without_judgment=self.tasks_without_judgment + other.tasks_without_judgment,
            use=self.use,
        )

    def sentences(self) -> Iterator[str]:
        """Yield what became of the items and of the judgments, each with figures that add up."""
        ends = [f"{self.items_trained:,} {self.use}"]
        ends += [f"{count:,} in {_named(place)}" for place, count in self.items_beside.items()]
        ends += [f"{count:,} left out:" for count in [sum(self.items_left_out.values())] if count]
        judged = (
            "judged " if self.judgments_trained or self.judgments_beside or not self.items_trained else ""
        )
        yield f"{counted(self.items, f'{judged}{self.item}')}: {', '.join(ends)}"
        omitted = sum(self.judgments_left_out.values())
        behind = (
            f"behind {word_for(self.items_trained, f'the {self.item}', f'{plural(self.item)}')} {self.use}"
        )
        ends = [f"{self.judgments_trained:,} {behind}"]
        ends += [f"{count:,} in {_named(place)} alone" for place, count in self.judgments_beside.items()]
        ends += [f"{omitted:,} left out{':' if omitted else ''}"]
        yield f"{counted(self.judgments, 'judgment')}: {', '.join(ends)}"

    def reasons(self) -> Iterator[str]:
        """Yield how many judgments are left out for each reason."""
        yield from (left_out(reason, count) for reason, count in self.judgments_left_out.items())

    def reasons_of_items(self) -> Iterator[str]:
        """Yield how many items are left out for each reason."""
        yield from (left_out(reason, count) for reason, count in self.items_by_reason().items())

    def items_by_reason(self) -> dict[str, int]:
        """Return how many items are left out; a reason of answers on them is told of the items themselves."""
        found = {}
        for reason, count in self.items_left_out.items():
            _, _, why = reason.partition(" ")
            found[f"{self.item} {why.removeprefix(f'on a {self.item} ')}"] = count
        return found

    def unanswered(self) -> str | None:
        """Return how many tasks have no judgment; None if all have one."""
        tasks = self.tasks_without_judgment
        return f"{counted(tasks, 'task')} {word_for(tasks, 'has', 'have')} no judgment" if tasks else None


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))


def _named(place: str) -> str:
    return place if place == NO_TABLE else f"the table {place}"


def account(projection: Projection[ItemT], selection: Selection[ItemT], evidence: Evidence) -> Accounting:
    """Return what became of the judgments of the evidence, and of the items that a projection selects of it."""
    trained, beside = set(), {}
    items_beside: Counter[str] = Counter()
    items_trained = 0
    for item in selection.items:
        ids = {judgment.annotation_id for judgment in item.judgments}
        if projection.training_table.accepts(item):
            items_trained += 1
            trained |= ids
            continue
        place = next(
            (
                table.name
                for table in projection.tables
                if table.accepts is not every_item and table.accepts(item)
            ),
            NO_TABLE,
        )
        items_beside[place] += 1
        beside.update(dict.fromkeys(ids, place))
    reasons = Counter(
        omission.reason.value for omission in selection.omissions if omission.annotation_id is not None
    )
    return Accounting(
        judgments=len(evidence.annotations),
        judgments_trained=len(trained),
        judgments_beside=dict(sorted(Counter(beside[each] for each in beside.keys() - trained).items())),
        judgments_left_out=dict(sorted(reasons.items())),
        item=selection.item,
        items=len(selection.items) + sum(selection.items_left_out.values()),
        items_trained=items_trained,
        items_beside=dict(sorted(items_beside.items())),
        items_left_out=dict(sorted(selection.items_left_out.items())),
        tasks_without_judgment=sum(omission.annotation_id is None for omission in selection.omissions),
        use=TO_EVALUATE if projection.test_only else TO_TRAIN,
    )
