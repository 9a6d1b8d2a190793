"""Bodies of requests: bounded, read once, and given on; forms as a plain mapping for pages that run in threads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive, Scope

LARGEST_BODY = 256 * 1024
"""Bytes of what a page sends."""

LARGEST_API_BODY = 8 * 1024 * 1024
"""Bytes of what a program sends with a key of its own: a long conversation with pictures."""

MOST_FIELDS = 200
FORM_KEY = "chatfeedback.form"
FORM = "application/x-www-form-urlencoded"


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a request, and stop reading as soon as it is too long.

    Raises:
        HTTPException: 413, it is too long.
        ClientDisconnect: it did not come to its end.
    """
    body = bytearray()
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise too_long(LARGEST_BODY)
    return bytes(body)


def too_long(most: int) -> HTTPException:
    """Return the refusal of a body with more than so many bytes."""
    return HTTPException(413, f"At most {most // 1024:,} KiB can be sent at once.")


def given_again(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives a body that was read once more, and then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def bounded(receive: Receive, most: int) -> Receive:
    """Return a ``receive`` that refuses more than ``most`` bytes; the body is not kept."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise too_long(most)
        return message

    return counted


def fields_in(body: bytes) -> dict[str, list[str]]:
    """Return the values of the fields of a form by name, their lines ended as everywhere here: browsers send CR LF.

    Raises:
        HTTPException: 400, it is no form.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:  # as UnicodeDecodeError
        raise HTTPException(400, "The form cannot be read.") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


def form(request: Request) -> Mapping[str, str]:
    """Return the fields of the form that a request sends, of several with one name the last; else nothing."""
    return {name: values[-1] for name, values in _fields(request).items()}


def chosen(request: Request, name: str) -> list[str]:
    """Return all values of one field, such as those of boxes that are checked."""
    return list(_fields(request).get(name, ()))


def _fields(request: Request) -> Mapping[str, list[str]]:
    fields: Mapping[str, list[str]] = request.scope.get(FORM_KEY, {})
    return fields
