"""Of what one person says at one time, as a log without times has it, no hash decides which counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exports import Evidence, projection_of
from exports.accounting import account
from exports.omissions import OmissionReason
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, RUBRIC, World
from workspaces.records import AnnotationStatus

if TYPE_CHECKING:
    from exports.items import ExportItem

SAID = {
    "ultrafeedback": ("response_rating", 1, {"thumb_1": "up"}, {"thumb_1": "down"}),
    "ranking": ("ranking", 3, {"ranking": "a > b > c"}, {"ranking": "c > b > a"}),
    "safety": ("safety", 1, {"harm": "hate", "severity": "low"}, {"harm": "none"}),
    "rubric": (
        f"rubric_{RUBRIC}",
        1,
        {f"rubric_{RUBRIC}_{n}": "met" for n in (1, 2, 3)},
        {f"rubric_{RUBRIC}_{n}": "not_met" for n in (1, 2, 3)},
    ),
}


def evidence_of(name: str, *said: tuple[str, int, int]) -> Evidence:
    """Return answers about equal texts of several chats, each as (person, minute, which of the two things)."""
    kind, size, *things = SAID[name]
    made = World()
    for person, minute, which in said:
        shown = made.chat("q", *("one", "two", "three")[:size])
        made.answer(made.task(*shown, kind=kind), person, status=AnnotationStatus.SUBMITTED, **things[which])
        made.annotations[-1] = replace(made.annotations[-1], updated_at=NOW.replace(minute=minute))
    return Evidence(made.tasks, made.annotations, made.contexts, Weights())


def items_and_reasons(evidence: Evidence, name: str) -> tuple[list[ExportItem], Counter[OmissionReason]]:
    projection = projection_of(name)
    selection = projection.select(evidence)
    found = account(projection, selection, evidence)
    assert found.judgments == found.judgments_trained + sum(found.judgments_left_out.values())
    return [*selection.items], Counter(it.reason for it in selection.omissions)


@pytest.mark.parametrize("name", SAID)
def test_who_says_two_things_at_one_time_says_neither(name: str) -> None:
    for order in ((0, 1), (1, 0)):
        items, reasons = items_and_reasons(evidence_of(name, *(("p0", 3, which) for which in order)), name)
        assert not items
        assert reasons == {OmissionReason.CONTRADICTED: 2}
    items, reasons = items_and_reasons(
        evidence_of(name, ("p0", 1, 0), ("p0", 3, 0), ("p0", 3, 1), ("p1", 3, 1)), name
    )
    assert [it.person_ids for it in items] == [{"p1"}]
    assert reasons == {OmissionReason.CONTRADICTED: 2, OmissionReason.ANSWERED_AGAIN: 1}


@pytest.mark.parametrize("name", SAID)
def test_who_says_the_same_twice_at_one_time_says_it_once(name: str) -> None:
    (item,), reasons = items_and_reasons(evidence_of(name, ("p0", 3, 1), ("p0", 3, 1)), name)
    assert len(item.judgments) == 1
    assert reasons == {OmissionReason.ANSWERED_AGAIN: 1}
