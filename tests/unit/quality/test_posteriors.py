from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import sqlalchemy as sa

from quality import item_posteriors
from tests.sample_records import NOW
from tests.unit.quality.answer_tables import simulated
from workspaces.store import Store
from workspaces.store.posteriors import item_posterior, posteriors, replace_posteriors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def votes() -> pd.DataFrame:
    toxic = simulated([0.9, 0.9, 0.6, 0.9], 30, 3, seed=1).assign(
        kind="qualitative", question="toxic", value=lambda t: t["value"].map({0: "no", 1: "yes"})
    )
    better = simulated([0.9] * 4, 20, 3, seed=2, shares=(0.4, 0.2, 0.4)).assign(
        kind="preference",
        question="preference",
        value=lambda t: t["value"].map({0: "first", 1: "tie", 2: "second"}),
    )
    table = pd.concat([toxic, better], ignore_index=True)
    return table.assign(
        item=table["item"].map("m{:02d}".format), annotator=table["annotator"].map("p{}".format)
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path / 'test.db'}")
    made.upgrade()
    yield made
    made.close()


def test_every_item_has_its_votes_beside_the_probabilities() -> None:
    found = list(item_posteriors(votes()))
    assert len(found) == 50
    assert sum(one.n_answers for one in found) == 150
    toxic = [one for one in found if one.question == "toxic"]
    assert set(toxic[0].probabilities) == {"na", "no", "yes"}
    assert set(found[0].probabilities) == {"first", "tie", "second"}
    for one in found:
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=2e-4)
        assert one.probability == one.probabilities[one.value]
        if max(one.votes.values()) == 3:
            assert one.value in one.votes
    assert list(item_posteriors(votes().iloc[:0])) == []


def test_the_store_holds_the_latest_and_nothing_else(store: Store) -> None:
    found = list(item_posteriors(votes()))
    with store.write() as connection:
        assert replace_posteriors(connection, found, NOW) == 50
    later = NOW + timedelta(hours=1)
    with store.write() as connection:
        assert replace_posteriors(connection, found, later) == 0
    with store.read() as connection:
        key = lambda one: (one.question, one.item)  # noqa: E731
        assert sorted(posteriors(connection), key=key) == sorted(found, key=key)
        assert {one.kind for one in posteriors(connection, kind="preference")} == {"preference"}
        assert len(list(posteriors(connection, question="toxic"))) == 30
        assert set(connection.execute(sa.select(item_posterior.c.judged_at)).scalars()) == {NOW}
    fewer = list(item_posteriors(votes().query("item != 'm00'")))
    with store.write() as connection:
        assert replace_posteriors(connection, fewer, later) >= 2
    with store.read() as connection:
        assert len(list(posteriors(connection))) == 48
