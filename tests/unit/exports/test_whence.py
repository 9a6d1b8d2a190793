"""The licences and the sources of a row are those of the logs whose texts stand in it, and of no other."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from exports import all_projections
from tests.unit.exports.export_records import World

if TYPE_CHECKING:
    from exports import ExportItem, Projection

LOGS = range(4)


def answered() -> World:
    """Return logs of equal prompts under licences of their own, whose responses people compared across logs."""
    made = World()
    for asked in ("q", "r"):
        for log in LOGS:
            made.chat(asked, f"{asked} as log {log} says it", licence=f"licence-{log}")
    made.conversations = [
        replace(chat, source=f"source-{place % len(LOGS)}") for place, chat in enumerate(made.conversations)
    ]
    shown = [f"c{place}r0" for place in range(len(made.conversations))]
    for one, other in [*pairwise(shown[: len(LOGS)]), *pairwise(shown[len(LOGS) :])]:
        made.votes(made.task(one, other), "aab")
        made.answer(made.task(one, other, kind="preference_strength"), "p5", strength="-2")
    made.answer(made.task(*shown[:3]), "p6", ranking="a > b > c")
    made.rewrite(shown[1], "p7", "A rewrite of what log 1 says.")
    for place in (2, 6):
        made.answer(made.task(shown[place], kind="response_rating"), "p8", thumb_1="up")
        made.check(made.task(shown[place], kind="rubric_of_exports"), "p8", "met", "na", "met")
        made.harm(shown[place], "p8", "hate")
    return made


@pytest.mark.parametrize("projection", all_projections().values(), ids=all_projections())
def test_a_row_names_the_licences_and_sources_of_what_is_in_it(projection: Projection[ExportItem]) -> None:
    items = projection.select(answered().evidence()).items
    training = projection.tables[0]
    held = 0
    for item in filter(training.accepts, items):
        text = json.dumps(training.rows(item))
        logs = set(re.findall(r"log (\d) says", text))
        if not logs:  # a prompt alone
            continue
        assert item.licences == tuple(sorted(f"licence-{log}" for log in logs)), text
        assert item.sources == tuple(sorted(f"source-{log}" for log in logs)), text
        held += 1
    assert held or projection.name == "benchmark"
