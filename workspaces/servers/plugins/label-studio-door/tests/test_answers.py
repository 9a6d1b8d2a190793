"""What an annotator gets holds their own rows and the fields that are named, whatever Label Studio answers."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from label_studio_door import answers, own
from label_studio_door.call import Call
from label_studio_door.people import Person

FOREIGN = "of-another@example.org"
CALL = Call(
    Person(SimpleNamespace(pk=7, active_organization_id=1), is_owner=False), "/x", {"pk": 1}, {}, None
)
NAMES = st.text(min_size=1, max_size=12)


@pytest.fixture(autouse=True)
def _own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own, "annotation_ids", lambda _person, _task_id: {1})
    monkeypatch.setattr(own, "draft_ids", lambda _person, _task_id: {2})


@given(st.dictionaries(NAMES, st.just(FOREIGN)), st.lists(st.integers(-3, 3)), st.lists(st.integers(-3, 3)))
def test_a_task_holds_own_annotations_and_drafts_and_no_new_field(
    more: dict[str, Any], annotation_ids: list[int], draft_ids: list[int]
) -> None:
    def row(row_id: int, mine: int) -> dict[str, Any]:
        return {"id": row_id, "result": [], "email": FOREIGN, "state": FOREIGN} | (
            {} if row_id == mine else {"result": FOREIGN, "created_username": FOREIGN}
        )

    unknown = {name: value for name, value in more.items() if name not in answers.TASK}
    answer = unknown | {
        "id": 1,
        "data": {"text": "x"},
        "predictions": [FOREIGN],
        "annotations": [row(it, 1) for it in annotation_ids],
        "drafts": [row(it, 2) for it in draft_ids],
        "annotators": [FOREIGN],
        "updated_by": [FOREIGN],
    }
    seen = answers.task(CALL, answer)
    assert FOREIGN not in json.dumps(seen)
    assert [it["id"] for it in seen["annotations"]] == [it for it in annotation_ids if it == 1]
    assert [it["id"] for it in seen["drafts"]] == [it for it in draft_ids if it == 2]


@given(st.dictionaries(NAMES, st.just(FOREIGN)))
def test_a_project_tells_neither_who_made_it_nor_what_was_done(more: dict[str, Any]) -> None:
    unknown = {name: value for name, value in more.items() if name not in answers.PROJECT}
    answer = unknown | {
        "id": 1,
        "created_by": {"email": FOREIGN},
        "total_annotations_number": 5,
        "task_data_password": FOREIGN,
    }
    for seen in (
        answers.project(CALL, answer),
        answers.projects(CALL, {"count": 1, "results": [answer]})["results"][0],
        answers.data_manager_project(CALL, answer),
    ):
        assert FOREIGN not in json.dumps(seen)
        assert "total_annotations_number" not in seen


def test_the_history_tells_no_annotation_of_others() -> None:
    given_tasks = [
        {"taskId": 1, "annotationId": 1},
        {"taskId": 1, "annotationId": 9},
        {"taskId": 2, "annotationId": None},
    ]
    assert [it["annotationId"] for it in answers.history(CALL, given_tasks)] == [1, None, None]


def test_the_own_account_tells_no_address_of_the_owner() -> None:
    seen = answers.whoami(
        CALL, {"id": 7, "email": "own@example.org", "active_organization_meta": {"email": FOREIGN}}
    )
    assert FOREIGN not in json.dumps(seen)
    assert seen["email"] == "own@example.org"


def test_a_busy_database_is_told_so_that_label_studio_tries_again() -> None:
    seen = answers.refusal({"detail": f"<a href='#database-is-locked-errors'>x</a> {FOREIGN}"}, 500)
    assert "database-is-locked-error" in seen["detail"]
    assert FOREIGN not in json.dumps(seen)


def test_a_failure_of_the_server_is_told_in_our_words() -> None:
    assert FOREIGN not in json.dumps(answers.refusal({"detail": FOREIGN, "exc_info": FOREIGN}, 500))
    assert answers.refusal({"detail": "no such page", "exc_info": FOREIGN}, 404) == {
        "detail": "no such page",
        "status_code": 404,
    }
