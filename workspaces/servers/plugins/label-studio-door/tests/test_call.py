"""A request is read strictly, and Label Studio reads what the door has read."""

from __future__ import annotations

import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from label_studio_door.call import LARGEST_BODY, hand_on, read_call
from label_studio_door.people import Person
from label_studio_door.refusal import Refused
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request

PERSON = Person(SimpleNamespace(pk=7, active_organization_id=1), is_owner=False)
NAMES = ("result", "lead_time")
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


def seen_by_label_studio(content: bytes, content_type: str = "application/json", query: str = "") -> Any:
    """Return the query and the body that a view of Label Studio finds."""
    request = RequestFactory().generic("POST", f"/x{query}", content, content_type=content_type)
    call = read_call(request, PERSON, {}, {"project"}, NAMES)
    hand_on(request, call)
    view = Request(request, parsers=[JSONParser(), FormParser(), MultiPartParser()])
    return dict(view.query_params), view.data


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_a_view_sees_the_body_that_the_door_has_read(body: dict[str, Any]) -> None:
    assert seen_by_label_studio(json.dumps(body).encode()) == ({}, body)


@given(st.dictionaries(TEXT, VALUES, min_size=1))
def test_a_name_that_the_rule_does_not_have_is_refused(body: dict[str, Any]) -> None:
    if body.keys() <= set(NAMES):
        return
    with pytest.raises(Refused, match="closed to annotators"):
        seen_by_label_studio(json.dumps(body).encode())


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(Refused):
        seen_by_label_studio(content)


@pytest.mark.parametrize(
    "content",
    [
        b'{"result": [], "result": [1]}',
        b'{"lead_time": NaN}',
        b'{"lead_time": Infinity}',
        b'{"lead_time": 1e999}',
        b'{"result": ["\\ud800"]}',
        b"[" * 100_000,
        b'{"result": ' + b"[" * 31 + b"]" * 31 + b"}",
        b'{"result": ' + b'{"a":' * 31 + b"1" + b"}" * 31 + b"}",
        b"[]",
        b'"result"',
        b"\xff\xfe{\x00}\x00",
        b'{"result": "' + b"x" * LARGEST_BODY + b'"}',
    ],
)
def test_what_two_parsers_may_read_in_two_ways_is_refused(content: bytes) -> None:
    with pytest.raises(Refused):
        seen_by_label_studio(content)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "",
    ],
)
def test_only_json_is_read(content_type: str) -> None:
    with pytest.raises(Refused, match="application/json"):
        seen_by_label_studio(b'{"result": []}', content_type)


def test_a_character_set_in_the_content_type_changes_nothing() -> None:
    assert seen_by_label_studio(b'{"result": ["\xc3\xa9"]}', "application/json; charset=utf-16") == (
        {},
        {"result": ["é"]},
    )


def test_a_parameter_is_given_once_and_is_named_by_the_rule() -> None:
    assert seen_by_label_studio(b"", query="?project=3")[0] == {"project": ["3"]}
    for query in ("?project=3&project=4", "?fields=all", "?Project=3", "?project=3&=x"):
        with pytest.raises(Refused):
            seen_by_label_studio(b"", query=query)
