"""The door itself: default deny, whatever the route and the method."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from label_studio_door import __version__, middleware
from label_studio_door.middleware import HEADER, Door
from label_studio_door.people import Person
from label_studio_door.routes import ROUTES
from label_studio_door.rules import RULES

if TYPE_CHECKING:
    from conftest import User

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get", "")


def decide(person: Person | None, pattern: str, method: str, accept: str = "*/*", path: str = "/x") -> Any:
    """Return the door's answer before any view runs; None: the view may run."""
    request = RequestFactory().generic(method, path, headers={"Accept": accept})
    request.resolver_match = SimpleNamespace(route=pattern)  # type: ignore[assignment]
    door = Door(lambda _request: HttpResponse("the view ran"))
    with mock.patch.object(middleware, "who_asks", return_value=person):
        return door.process_view(request, lambda: None, (), {})


@given(pattern=st.text() | st.sampled_from(sorted(ROUTES)), method=st.sampled_from(METHODS))
def test_what_the_table_does_not_open_is_closed_to_members(pattern: str, method: str) -> None:
    row = ROUTES.get(pattern)
    read_as = "GET" if method == "HEAD" else method.upper()  # Django writes methods so
    if row is not None and read_as in row.annotator | row.anyone:
        return
    answer = decide(Person(_member(), is_owner=False), pattern, method)
    assert answer.status_code == 403
    assert json.loads(answer.content)["detail"]


@given(pattern=st.text() | st.sampled_from(sorted(ROUTES)), method=st.sampled_from(METHODS))
def test_who_did_not_sign_in_gets_what_is_open_to_anyone_alone(pattern: str, method: str) -> None:
    row = ROUTES.get(pattern)
    answer = decide(None, pattern, method)
    if row is not None and ("GET" if method == "HEAD" else method.upper()) in row.anyone:
        assert answer is None
    else:
        assert answer.status_code == 401


@given(pattern=st.text() | st.sampled_from(sorted(ROUTES)), method=st.sampled_from(METHODS))
def test_the_owner_may_everything(pattern: str, method: str) -> None:
    assert decide(Person(_member(), is_owner=True), pattern, method) is None


def test_a_browser_is_sent_to_the_form_and_told_in_a_page() -> None:
    sent = decide(None, "^projects/", "GET", accept="text/html", path="/projects/?a=1")
    assert sent.status_code == 302
    assert sent["Location"] == "/user/login/?next=/projects/%3Fa%3D1"
    closed = decide(Person(_member(), is_owner=False), "^people/", "GET", accept="text/html", path="/people/")
    assert closed.status_code == 403
    assert b"closed to annotators" in closed.content


@pytest.mark.parametrize("path", ["/static/../x", "/react-app/a/../../x"])
def test_no_address_climbs(path: str) -> None:
    assert decide(None, "^static/(?P<path>.*)$", "GET", path=path).status_code == 404


def test_a_busy_database_in_the_door_itself_is_tried_again_by_label_studio() -> None:
    with mock.patch.object(middleware, "who_asks", side_effect=OperationalError("database is locked")):
        answer = Door(lambda _request: HttpResponse()).process_view(
            RequestFactory().get("/api/tasks/1/"), lambda: None, (), {}
        )
    assert answer is not None
    assert answer.status_code == 500
    assert b"database-is-locked-error" in answer.content


def test_every_answer_says_that_the_door_is_there() -> None:
    door = Door(lambda _request: HttpResponse("{}"))
    assert door(RequestFactory().get("/health"))[HEADER] == __version__


def test_an_answer_that_was_not_narrowed_does_not_leave(user: User) -> None:
    rule = RULES["^api/tasks/<int:pk>/", "GET"]

    def view(request: Any) -> HttpResponse:
        request.label_studio_door = middleware._Visit(rule, None)  # type: ignore[arg-type]
        return HttpResponse('{"annotations": ["of another"]}')

    response = Door(view)(RequestFactory().get("/api/tasks/1/"))
    assert response.status_code == 500
    assert b"of another" not in response.content


def _member() -> Any:
    return SimpleNamespace(pk=7, active_organization_id=1)
