"""The policy of Label Studio's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from django.test import RequestFactory
from label_studio_door.content_security import HEADER, POLICY, VARIABLE
from label_studio_door.middleware import Door

if TYPE_CHECKING:
    import pytest


def answer(**headers: str) -> HttpResponse:
    return Door(lambda _request: HttpResponse("{}", headers=headers))(RequestFactory().get("/health"))


def test_every_answer_has_a_policy_that_loads_from_this_server_alone() -> None:
    policy = answer()[HEADER]
    assert policy == POLICY
    assert "http" not in policy
    assert "'unsafe-eval'" not in policy
    for directive in ("object-src 'none'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'"):
        assert directive in policy


def test_a_policy_of_label_studio_itself_holds_beside_it() -> None:
    assert answer(**{HEADER: "sandbox"})[HEADER] == f"sandbox, {POLICY}"


def test_another_policy_or_none_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "default-src *")
    assert answer()[HEADER] == "default-src *"
    monkeypatch.setenv(VARIABLE, "off")
    assert HEADER not in answer()
