"""How far seed feedback is, followed through whatever happens between two looks, against a count of everything."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from task_generators.seed_feedback.heuristic import HeuristicRater
from task_generators.seed_feedback.progress import LiveSeedProgress, SeedProgress
from task_generators.seed_feedback.run import unrated_in
from tests.examples import examples
from tests.sample_records import NOW
from workspaces.records import Conversation, Message, Role, SharingState, ToolCall
from workspaces.store.conversations import set_state
from workspaces.store.seed_feedback import all_seeds, save_seeds, seed_feedback
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from workspaces.collection import Collection
    from workspaces.collection.responses import Responses
    from workspaces.store import Store

STEP = st.tuples(
    st.sampled_from(
        ["add", "grow", "share", "hold", "rate", "rate by another", "unrate", "remove", "compact", "look"]
    ),
    st.integers(0, 5),
)


def conversation(number: int, turns: int) -> Conversation:
    """Return a conversation that a model begins, whose second answer calls a tool; what begins it answers nothing."""
    name = f"c{number}"
    messages = [Message(f"{name}#start", None, Role.ASSISTANT, f"Hello {number}")]
    for place in range(2 * turns):
        role = (Role.USER, Role.ASSISTANT)[place % 2]
        calls = (ToolCall("look", "{}"),) if place == 3 else ()
        messages.append(
            Message(f"{name}#{place}", messages[-1].id, role, f"{number} {place}", tool_calls=calls)
        )
    return Conversation(name, tuple(messages), "test", "m")


def counted_anew(collection: Collection, store: Store) -> SeedProgress:
    with store.read() as connection:
        rated = {seed.message_id for seed in all_seeds(connection)}
    asked = [it.id for each in collection.scan() for it in unrated_in(each, ())]
    return SeedProgress(len(asked), len(rated.intersection(asked)))


class World:
    """A collection and a store to which things happen."""

    def __init__(self, workspace: Workspace) -> None:
        self.store, self.collection = workspace.store, workspace.collection
        self.turns: dict[int, int] = {}
        self.seconds = 0

    def do(self, what: str, number: int) -> None:
        """Let one thing happen."""
        getattr(self, f"_{what.replace(' ', '_')}")(number)

    def _add(self, number: int) -> None:
        self.turns.setdefault(number, 1)
        self._append(number)

    def _grow(self, number: int) -> None:
        if number in self.turns:
            self.turns[number] += 1
            self._append(number)

    def _append(self, number: int) -> None:
        self.collection.append([conversation(number, self.turns[number])], now=NOW, delay=timedelta(days=1))

    def _share(self, number: int) -> None:
        self._state(number, SharingState.SHARED)

    def _hold(self, number: int) -> None:
        self._state(number, SharingState.HELD)

    def _state(self, number: int, state: SharingState) -> None:
        with self.store.write() as connection:
            set_state(connection, [f"c{number}"], state, NOW)

    def _rate(self, number: int, agent: str = "one") -> None:
        self.seconds += number % 2  # some are of the same moment
        rater = HeuristicRater(lambda: NOW + timedelta(seconds=self.seconds))
        for each in self.collection.get([f"c{number}"]).values():
            seeds = [replace(rater.rate(each.path_to(it.id)), agent=agent) for it in unrated_in(each, ())]
            with self.store.write() as connection:
                save_seeds(connection, seeds[: 1 + number % 2])

    def _rate_by_another(self, number: int) -> None:
        self._rate(number, "another")

    def _unrate(self, number: int) -> None:
        with self.store.write() as connection:
            ids = [f"c{number}#{place}" for place in range(20)]
            connection.execute(sa.delete(seed_feedback).where(seed_feedback.c.message_id.in_(ids)))

    def _remove(self, number: int) -> None:
        self.turns.pop(number, None)
        self.collection.remove([f"c{number}"])

    def _compact(self, _number: int) -> None:
        self.collection.compact()

    def _look(self, _number: int) -> None:
        pass


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace, to be copied: a new one takes longer than an example."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / CONFIG_NAME).write_text("version: 1\nplatforms: {argilla: {}}\n", encoding="utf-8")
    Workspace.create(folder).close()
    return folder


@examples(15)
@given(happens=st.lists(STEP, min_size=5, max_size=20))
def test_progress_is_what_a_count_of_everything_says(empty: Path, happens: list[tuple[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(empty, Path(name) / "w"))
        with Workspace.open(folder) as workspace:
            world = World(workspace)
            live = LiveSeedProgress(workspace.collection, workspace.store)
            for what, number in [("add", 0), ("share", 0), *happens, ("look", 0)]:
                world.do(what, number)
                if what != "compact" and number % 3 == 0:  # else several things happen between two looks
                    assert live.follow() == counted_anew(workspace.collection, workspace.store)
            assert live.follow(anew=True) == counted_anew(workspace.collection, workspace.store)


def test_files_that_did_not_change_are_read_once(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(Path(shutil.copytree(empty, tmp_path / "w"))) as workspace:
        world = World(workspace)
        for number in range(4):
            world.do("add", number)
            world.do("share", number)
        live = LiveSeedProgress(workspace.collection, workspace.store)
        before = live.follow()
        read: list[str] = []
        responses_in = workspace.collection.responses_in

        def counted(part: str) -> Responses:
            read.append(part)
            return responses_in(part)

        monkeypatch.setattr(workspace.collection, "responses_in", counted)
        world.do("rate", 1)
        assert (live.follow().seeded, live.follow().responses, read) == (1, before.responses, [])
        world.do("grow", 1)
        assert live.follow().responses == before.responses - 1, "what grew is held again"
        assert len(read) == 1
