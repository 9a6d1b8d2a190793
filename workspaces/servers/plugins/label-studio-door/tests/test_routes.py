"""The table of routes, held against Label Studio's URL configuration."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.urls import resolve
from label_studio_door.routes import ALL, ROUTES
from label_studio_door.rules import RULES
from label_studio_door.url_configuration import routes


def test_the_table_names_every_route_of_label_studio_and_no_other() -> None:
    found = routes()
    assert sorted(found.keys() - ROUTES.keys()) == [], (
        "new routes: they are closed until the table opens them"
    )
    assert sorted(ROUTES.keys() - found.keys()) == [], "routes that are gone"


def test_the_table_names_every_method_of_every_route() -> None:
    assert {pattern: row.methods for pattern, row in ROUTES.items()} == routes()


def test_what_is_open_to_annotators_has_a_rule_and_every_rule_is_in_the_table() -> None:
    opened = {(row.pattern, method) for row in ROUTES.values() for method in row.annotator}
    assert opened == RULES.keys()


def test_what_is_open_is_a_method_of_the_route_and_is_opened_once() -> None:
    for row in ROUTES.values():
        assert row.annotator.isdisjoint(row.anyone), row
        if ALL not in row.methods:
            assert row.annotator | row.anyone <= row.methods, row


def test_the_table_is_sorted_and_names_a_route_once() -> None:
    assert list(ROUTES) == sorted(ROUTES)


@pytest.mark.parametrize(
    "start", ["admin/", "django-rq/", "docs/", "^api/organizations", "^api/webhooks", "^api/storages"]
)
def test_nothing_is_open_where_the_server_is_governed(start: str) -> None:
    rows = [row for pattern, row in ROUTES.items() if pattern.startswith(start)]
    assert rows
    assert not any(row.annotator or row.anyone for row in rows)


@pytest.mark.parametrize(
    ("address", "pattern"),
    [
        ("/api/projects/3/", "^api/projects/<int:pk>/"),
        ("/api/users/", "^api/users/$"),
        ("/api/dm/views/", "^api/dm/views/$"),
        ("/logout", "^logout/?$"),
        ("/api/version/", "version/"),
        ("/admin/users/user/", "admin/users/user/"),
        ("/api/tasks/1/annotations/2/drafts", "^api/tasks/<int:pk>/annotations/<int:annotation_id>/drafts"),
    ],
)
def test_a_pattern_is_what_django_says_of_a_request(address: str, pattern: str) -> None:
    assert resolve(address).route == pattern
    assert pattern in ROUTES


def test_the_door_is_the_innermost_middleware_and_nobody_signs_up_without_an_invitation() -> None:
    assert settings.MIDDLEWARE[-1] == "label_studio_door.middleware.Door"
    assert settings.MIDDLEWARE.count("label_studio_door.middleware.Door") == 1
    assert settings.DISABLE_SIGNUP_WITHOUT_LINK is True
