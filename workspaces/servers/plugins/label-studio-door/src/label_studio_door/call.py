"""What an annotator asks, read strictly, and handed on to Label Studio as we read it.

Whatever is not named by the route's rule is refused, so that Label Studio's views and the door never read one request
in two ways: its query and its body are written anew from what was read.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import QueryDict

from label_studio_door.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from django.http import HttpRequest

    from label_studio_door.people import Person

LARGEST_BODY = 1_000_000
"""Bytes of an answer; nobody types more."""

DEEPEST_BODY = 30
"""Lists and objects inside each other; pages send five. What is far deeper breaks whoever reads all answers."""


@dataclass(slots=True)
class Call:
    """One request of an annotator. ``query`` and ``body`` are what Label Studio will see."""

    person: Person
    path: str
    ids: Mapping[str, int]
    query: dict[str, str]
    body: dict[str, Any] | None


def read_call(
    request: HttpRequest,
    person: Person,
    ids: Mapping[str, int],
    query: Collection[str] | None,
    body: Collection[str],
) -> Call:
    """Read a request.

    Args:
        request: the request.
        person: who asks.
        ids: the numbers in its path.
        query: the parameters that may be given; None: all are dropped, a page reads them in the browser.
        body: the names that the JSON object in its body may have.

    Raises:
        Refused: it has something else.
    """
    return Call(person, request.path_info, ids, _query(request, query), _body(request, body))


def hand_on(request: HttpRequest, call: Call) -> None:
    """Write the request anew, so that Label Studio sees what the door has read and nothing else."""
    parameters = QueryDict(mutable=True)
    parameters.update(call.query)
    encoded = parameters.urlencode()
    request.META["QUERY_STRING"] = encoded
    request.GET = QueryDict(encoded)
    content = b"" if call.body is None else _encode(call.body)
    request.META["CONTENT_TYPE"] = "application/json" if content else ""
    request.META["CONTENT_LENGTH"] = str(len(content))
    request._body = content
    request._stream = io.BytesIO(content)
    request.encoding = "utf-8"


def _query(request: HttpRequest, names: Collection[str] | None) -> dict[str, str]:
    if names is None:
        return {}
    given: dict[str, str] = {}
    for name, values in request.GET.lists():
        if name not in names:
            raise Refused(f"The parameter {name[:50]!r} is closed to annotators.")
        if len(values) != 1:
            raise Refused(f"The parameter {name!r} stands there {len(values)} times: give it once.")
        given[name] = values[0]
    return given


def _body(request: HttpRequest, names: Collection[str]) -> dict[str, Any] | None:
    content = request.body
    if not content:
        return None
    if len(content) > LARGEST_BODY:
        raise Refused(f"The request has {len(content):,} bytes, more than {LARGEST_BODY:,}.")
    if request.content_type != "application/json":
        raise Refused("Send JSON, with the content type application/json.")
    body = _decode(content)
    if not isinstance(body, dict):
        raise Refused("The request holds no JSON object.")
    if _is_deeper_than(DEEPEST_BODY, body):
        raise Refused(f"The request nests lists and objects more than {DEEPEST_BODY} deep.")
    for name in body:
        if name not in names:
            raise Refused(f"{name[:50]!r} is closed to annotators.")
    return body


def _decode(content: bytes) -> object:
    try:
        return json.loads(content.decode(), object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(f"The request is not the JSON that was expected: {str(error)[:100]}") from None


def _encode(body: dict[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # half of a surrogate pair, 1e999
        raise Refused("The request holds what cannot be stored.") from None


def _is_deeper_than(limit: int, value: object) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [inner for item in level for inner in _inside(item)]
    return bool(level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands there twice")
    return made


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")
