"""People who farm points keep next to nothing after a review, and honest newcomers lose nothing: a small world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench import farming
from bench.farmed_world import STRATEGIES, Size

if TYPE_CHECKING:
    from workspaces.workspace import Workspace


@pytest.mark.slow
def test_farmers_keep_under_a_hundredth_of_all_points_and_no_newcomer_loses(
    workspace: Workspace,
) -> None:
    found = farming.run(workspace, 5, Size(people=100, farmers=10, newcomers=15, days=3))
    of_kind = {person.name: person.kind for person in found.world.people}
    farmers = {name for name, kind in of_kind.items() if kind in STRATEGIES}
    assert len(farmers) == 10
    kept = sum(found.after.get(name, 0) for name in farmers)
    assert kept < 0.01 * sum(found.after.values())
    assert [name for name, kind in of_kind.items() if kind == "newcomer" and found.unpaid.get(name, 0)] == []
    honest = [name for name, kind in of_kind.items() if kind == "honest"]
    assert sum(name in found.flagged for name in honest) <= 0.05 * len(honest)
