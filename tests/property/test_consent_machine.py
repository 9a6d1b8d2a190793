"""Whatever givers ask for, in any order, and whenever it is killed: what is deleted is in no file of the workspace.

A workspace with seed feedback, tasks and answers, its SQLite file and its collection on disk, no platform: what the
platforms do is tested on real ones. A kill is an exception that nothing catches, raised before
the n-th change of a file or of the store; ``tests/crash`` kills real processes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chatfeedback import steps
from tests.examples import examples
from workspaces.errors import UsageError
from workspaces.records import AnnotationStatus, Conversation, SharingState
from workspaces.store import Store
from workspaces.store.annotations import AnnotationRevision, content_hash, save_revisions
from workspaces.store.conversations import count_by_state, entries_of
from workspaces.store.deletions import open_deletions
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tables import metadata
from workspaces.store.tasks import all_tasks
from workspaces.store.tombstones import receipts_of
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [f"chat-{number}" for number in range(5)]
GIVERS = {name: f"giver-{number % 2}" for number, name in enumerate(NAMES)}
SECRET = {name: f"The {name}-walrus sings at midnight, quite unlike any other." for name in NAMES}
LATER = {name: f"At dawn the {name}-otter sings as well, which nobody expected." for name in NAMES}
REWRITE = {name: f"I would say that the {name}-heron dances, and nothing else." for name in NAMES}
EMPTY = Conversation("", (), "")
CONFIGURATION = "version: 1\nplatforms: {argilla: {}}\nmix: {kinds: {qualitative: 1}}\n"


class Killed(BaseException):
    """The process was killed here."""


class Consent(RuleBasedStateMachine):
    """Givers publish, keep private, go on and delete; whatever is running may be killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="consent-"))
        self.workspace = Workspace.create(self.folder / "w", CONFIGURATION)
        self.states: dict[str, SharingState] = {}
        self.grown: set[str] = set()
        self.unfinished = False
        self.interrupted = False

    @initialize()
    def fill(self) -> None:
        self.ingest(set(NAMES[:3]), renamed=False, publish=True)
        self.ingest(set(NAMES[3:]), renamed=False, publish=False)

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1), renamed=st.booleans(), publish=st.booleans())
    def ingest(self, names: set[str], renamed: bool, publish: bool) -> None:
        """Chat logs come again, under their names or others; of those that went on since, under theirs."""
        names = {it for it in names if not (renamed and it in self.grown)}
        if not names:
            return
        logs = self.folder / "logs.jsonl"
        rows = [
            {
                "conversation_id": f"copy of {name}" if renamed else name,
                "conversation": [
                    {"role": "user", "content": f"What does {name} do?"},
                    {"role": "assistant", "content": SECRET[name]},
                ],
                "model_name": "m",
                "source": "s",
                "user_id": GIVERS[name],
            }
            for name in sorted(names)
        ]
        logs.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        found = steps.ingest_file(self.workspace, logs, publish=publish)
        self.interrupted = False
        deleted = {name for name in names if self.states.get(name) is SharingState.DELETED}
        assert found.deleted == len(deleted)
        for name in names - self.states.keys():
            self.states[name] = SharingState.HELD
        if publish:  # on the lead's word, but not what a chat that went on says since
            self.publish(names - self.grown)
        logs.unlink()

    @rule(name=st.sampled_from(NAMES), killed_at=st.integers(1, 14), publish=st.booleans())
    def go_on(self, name: str, killed_at: int, publish: bool) -> None:
        """A chat goes on and is exported once more, and reading it may be killed anywhere."""
        logs = self.folder / "logs.jsonl"
        row = {
            "conversation_id": name,
            "conversation": [
                {"role": "user", "content": f"What does {name} do?"},
                {"role": "assistant", "content": SECRET[name]},
                {"role": "user", "content": f"And what does {name} do then?"},
                {"role": "assistant", "content": LATER[name]},
            ],
            "model_name": "m",
            "source": "s",
            "user_id": GIVERS[name],
        }
        logs.write_text(json.dumps(row) + "\n", encoding="utf-8")
        before = len(self.workspace.collection.read([name]).get(name, EMPTY).messages)
        found = None
        with killed_at_change(killed_at), suppress(Killed):
            found = steps.ingest_file(self.workspace, logs, publish=publish)
        logs.unlink()
        self.workspace.close()
        self.workspace = Workspace.open(self.folder / "w")
        self.interrupted = found is None
        after = len(self.workspace.collection.read([name]).get(name, EMPTY).messages)
        state = self.states.get(name)
        if state is SharingState.DELETED:
            assert after == before
            assert found is None or found.deleted == 1
        else:
            assert after in ((before, 4) if found is None else (4,))
            assert found is None or (found.added, found.grown) == (0, before == 2)
        if after > before:
            self.grown.add(name)
            if state is SharingState.SHARED:
                self.states[name] = SharingState.HELD  # for its new messages
        if publish and found is None:
            self.publish_some({name} & self.grown)
        elif publish:
            self.publish({name})

    @rule(killed_at=st.integers(1, 6))
    def publish_all(self, killed_at: int) -> None:
        """The lead says that all givers agreed, and may be killed before the history has it."""
        found = None
        held = {name for name, state in self.states.items() if state is SharingState.HELD}
        with killed_at_change(killed_at), suppress(Killed):
            found = steps.publish_held(self.workspace)
        if found is None:
            self.publish_some(held)
            return
        assert found.published == len(held)
        assert steps.publish_held(self.workspace).published == 0
        self.publish(held)

    def publish(self, names: set[str]) -> None:
        """Note that the held ones of these are shared now."""
        self.states |= {name: SharingState.SHARED for name in names if self.states[name] is SharingState.HELD}

    def publish_some(self, names: set[str]) -> None:
        """Note which of these a killed run had shared."""
        with self.workspace.store.read() as connection:
            entries = entries_of(connection, names)
        self.publish({name for name, entry in entries.items() if entry.state is SharingState.SHARED})

    @rule()
    def work(self) -> None:
        """Delays end, tasks are made, and one person answers each of them."""
        steps.seed_responses(self.workspace)
        steps.generate_tasks(self.workspace)
        with self.workspace.store.write() as connection:
            answered = {it.task_id for it in latest_annotations(connection)}
            now = utc_now() - timedelta(seconds=1)
            rows = [
                AnnotationRevision(
                    annotation_id=f"answer-{task.id}"[:24],
                    revision=revision,
                    task_id=task.id,
                    person_id="annotator",
                    platform="argilla",
                    response_id=f"response-{task.id}",
                    status=AnnotationStatus.SUBMITTED,
                    answers={
                        "helpful": "yes",
                        "suggestion": REWRITE[task.conversation_ids[0]] + "!" * revision,
                    },
                    content_hash=content_hash("submitted", {"revision": str(revision)}),
                    updated_at=now,
                    synced_at=now,
                )
                for task in all_tasks(connection).values()
                if task.id not in answered
                for revision in (1, 2)
            ]
            save_revisions(connection, rows)
        steps.settle_answers(self.workspace)

    @rule(name=st.sampled_from(NAMES), state=st.sampled_from([SharingState.SHARED, SharingState.PRIVATE]))
    def ask(self, name: str, state: SharingState) -> None:
        """A giver publishes a conversation now, or keeps it private."""
        if self.states[name] is SharingState.DELETED:
            with pytest.raises(UsageError, match="was deleted on"):
                steps.change_sharing(self.workspace, [name], state, by="giver")
            return
        found = steps.change_sharing(self.workspace, [name], state, by="giver")
        assert found.changed == (self.states[name] is not state)
        self.states[name] = state

    @rule(names=st.sets(st.sampled_from(NAMES), min_size=1, max_size=2), killed_at=st.integers(1, 30))
    def delete(self, names: set[str], killed_at: int) -> None:
        """A giver deletes, and it may be killed anywhere."""
        receipts = None
        with killed_at_change(killed_at), suppress(Killed):
            receipts = steps.delete_conversations(self.workspace, sorted(names), by="giver")
        self.workspace.close()
        self.workspace = Workspace.open(self.folder / "w")
        if receipts is None and not self.is_marked(names):
            return  # killed before anything happened: nothing has changed
        self.states |= dict.fromkeys(names, SharingState.DELETED)
        self.grown -= names  # from now on their texts are known by tombstones
        self.unfinished = receipts is None
        self.interrupted &= self.unfinished
        assert all(receipt["completed_at"] for receipt in receipts or [])

    def is_marked(self, names: set[str]) -> bool:
        hashes = [self.workspace.tombstones.hash_of_id(name) for name in names]
        with self.workspace.store.read() as connection:
            found = receipts_of(connection, hashes)
        return len(found) == len(names)

    @precondition(lambda self: self.unfinished)
    @rule(killed_at=st.integers(1, 40))
    def finish(self, killed_at: int) -> None:
        """Whoever comes next finishes it, unless they are killed as well."""
        with killed_at_change(killed_at), suppress(Killed):
            steps.finish_requests(self.workspace)
            self.unfinished = False
        self.workspace.close()
        self.workspace = Workspace.open(self.folder / "w")

    @invariant()
    def only_what_is_shared_is_seen(self) -> None:
        shared = {name for name, state in self.states.items() if state is SharingState.SHARED}
        assert {it.id for it in self.workspace.collection.scan()} == shared
        with self.workspace.store.read() as connection:
            counted = count_by_state(connection)
        expected = Counter(state for state in self.states.values() if state is not SharingState.DELETED)
        assert {
            state: count for state, count in counted.items() if state is not SharingState.DELETED
        } == expected

    @invariant()
    def the_history_says_who_shared_it(self) -> None:
        """No delay ends here: whatever is shared, somebody asked for."""
        for name, state in self.states.items():
            if state is SharingState.SHARED:
                last = steps.history(self.workspace, [name])[-1]
                assert last.state is SharingState.SHARED
                assert last.asked_by == "lead" or self.workspace.pseudonyms.is_person(last.asked_by)

    @invariant()
    def points_stay(self) -> None:
        found = steps.settle_answers(self.workspace)
        assert found.taken_back == 0

    @invariant()
    def nothing_of_the_deleted_is_in_any_file(self) -> None:
        if self.unfinished:
            return
        bytes_of = {path: path.read_bytes() for path in (self.folder / "w").rglob("*") if path.is_file()}
        if not self.interrupted:  # else the next command clears it up
            assert not [path for path in bytes_of if path.suffix == ".tmp"]
        for name, state in self.states.items():
            if state is SharingState.DELETED:
                for text in (
                    SECRET[name][4:20],
                    LATER[name][8:28],
                    REWRITE[name][18:36],
                    f'"{name}"',
                    f"{name}#1",
                ):
                    assert [path.name for path, held in bytes_of.items() if text.encode() in held] == []
        texts = {it.messages[1].content for it in self.workspace.collection.read(NAMES).values()}
        stays = {SECRET[name] for name, state in self.states.items() if state is not SharingState.DELETED}
        assert texts == stays

    def teardown(self) -> None:
        steps.finish_requests(self.workspace)
        self.unfinished = False
        self.nothing_of_the_deleted_is_in_any_file()
        with self.workspace.store.read() as connection:
            assert connection.execute(sa.select(metadata.tables["withdrawal"])).all() == []
            open_ones = open_deletions(connection)
        assert open_ones == []
        self.workspace.close()
        shutil.rmtree(self.folder)


@contextmanager
def killed_at_change(number: int) -> Iterator[None]:
    """Raise ``Killed`` before the n-th change of a file or of the store, and before every later one."""
    count = 0

    def counted(original: Any) -> Any:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count >= number:
                raise Killed
            return original(*args, **kwargs)

        return wrapped

    with ExitStack() as stack:
        for owner, name in (
            (Path, "open"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "rename"),
            (shutil, "rmtree"),
            (Path, "write_text"),
            (pq.ParquetWriter, "write_batch"),
            (Store, "write"),
            (Store, "purge"),
        ):
            stack.enter_context(mock.patch.object(owner, name, counted(getattr(owner, name))))
        yield


TestConsent = Consent.TestCase
TestConsent.settings = settings(
    examples(14),
    stateful_step_count=12,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
