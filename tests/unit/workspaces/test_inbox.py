"""The inbox of hints: each once, open until what it names was fetched, and what was never heard of is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.sample_records import NOW, minutes, task
from workspaces.records import AnnotationStatus, Hint
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.inbox import close_hints, empty_inbox, heard_of, keep_hints, open_hints
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from workspaces.store import Store

HINT = Hint("ANNOTATION_CREATED", "3", "5", "7", NOW)
DELETION = Hint("ANNOTATIONS_DELETED", "3", "5", is_deletion=True)
REVISION = AnnotationRevision(
    annotation_id="a",
    revision=1,
    task_id="t1",
    person_id="ada",
    platform="label_studio",
    response_id="5",
    status=AnnotationStatus.SUBMITTED,
    answers={"helpful": "yes"},
    content_hash="h",
    updated_at=NOW,
    synced_at=NOW,
    remote_id="7",
)


def test_a_hint_is_kept_once_and_is_open_until_it_is_closed(store: Store) -> None:
    with store.write() as connection:
        for at in (0, 1):
            keep_hints(connection, "label_studio", [HINT, HINT, replace(HINT, response_id="6")], minutes(at))
        keep_hints(connection, "argilla", [HINT], NOW)
        assert sorted(it.response_id for it in open_hints(connection, "label_studio")) == ["5", "6"]
        close_hints(connection, [it.hint_id for it in open_hints(connection, "label_studio")], NOW)
        keep_hints(connection, "label_studio", [HINT], minutes(2))
        assert open_hints(connection, "label_studio") == []
        keep_hints(connection, "label_studio", [replace(HINT, changed_at=minutes(1))], minutes(2))
        assert len(open_hints(connection, "label_studio")) == len(open_hints(connection, "argilla")) == 1
        empty_inbox(connection, minutes(1))
        assert (len(open_hints(connection, "label_studio")), open_hints(connection, "argilla")) == (1, [])


def test_a_deletion_that_names_no_task_is_of_the_task_of_the_answer_that_is_known(store: Store) -> None:
    with store.write() as connection:
        keep_hints(connection, "label_studio", [DELETION, replace(DELETION, response_id="6")], NOW)
        save_tasks(connection, [task("t1", {"qualities": 1}, platform="label_studio")])
        save_revisions(connection, [REVISION])
        found = {it.response_id: it.remote_id for it in open_hints(connection, "label_studio")}
    assert found == {"5": "7", "6": None}


def test_answers_of_which_no_event_came_are_counted(store: Store) -> None:
    with store.write() as connection:
        save_tasks(connection, [task("t1", {"qualities": 1}, platform="label_studio")])
        second = replace(REVISION, annotation_id="b", response_id="6", updated_at=minutes(2))
        save_revisions(connection, [REVISION, second])
        assert heard_of(connection, "label_studio", minutes(-1), minutes(1)) == (2, 0)
        assert heard_of(connection, "label_studio", NOW, minutes(1)) == (1, 0)
        assert heard_of(connection, "label_studio", minutes(-1), NOW) == (0, 0)
        keep_hints(connection, "label_studio", [HINT], NOW)
        assert heard_of(connection, "label_studio", minutes(-1), minutes(1)) == (2, 1)
        assert heard_of(connection, "argilla", minutes(-1), minutes(1)) == (0, 0)
