"""Logs of calls to OpenAI's protocol: the request and the response in one row; ``n`` answers are siblings.

Either each is an object (``request`` and ``response``), or both are one, ``messages`` beside ``choices``.
Source: the reference of OpenAI's API, "The chat completion object" and "Create a model response".
"""

from __future__ import annotations

from task_generators.chat_logs.readers.columns import UNREAD, Loss
from task_generators.chat_logs.readers.exchanges import (
    REPORTS,
    SETTINGS,
    answers,
    asked,
    ignored,
    parsed,
    request_reads,
    response_reads,
    tree,
)
from task_generators.chat_logs.readers.fields import mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import identifier_or_none, tools_of
from task_generators.chat_logs.readers.uses import GIVER, ID, METADATA, TIME, TOOLS
from workspaces.records import Conversation

NAME = "openai-completions"
COLUMNS: frozenset[str] = frozenset()
PRECEDENCE = 177
REQUESTS = ("request", "request_body", "requestBody", "reqPayload")
RESPONSES = ("response", "response_body", "responseBody", "respPayload")
READS = {
    "id": ID,
    "user|user_id": GIVER,
    "created|created_at|timestamp": TIME,
    "metadata": METADATA,
    "tools": TOOLS,
    "functions": TOOLS,
    **request_reads(),
    **response_reads(),
    **{path: use for name in REQUESTS for path, use in request_reads(f"{name}.").items()},
    **{f"{name}.{key}": TOOLS for name in REQUESTS for key in ("tools", "functions")},
    **{path: use for name in RESPONSES for path, use in response_reads(f"{name}.").items()},
}
IGNORES = {
    **ignored({key: why for key, why in SETTINGS.items() if key != "text"}),
    **ignored(REPORTS),
    **{path: why for name in REQUESTS for path, why in ignored(SETTINGS, f"{name}.").items()},
    **{path: why for name in RESPONSES for path, why in ignored(REPORTS, f"{name}.").items()},
    **{
        f"{name}.{key}": "the number and the time of a call"
        for name in RESPONSES
        for key in ("id", "created")
    },
}


def matches(row: RowValue) -> bool:
    """Return whether a row holds a request and a response."""
    if "choices" in row and ("messages" in row or "prompt" in row):
        return True
    return _one_of(row, REQUESTS) is not None and any(name in row for name in RESPONSES)


def read(row: RowValue) -> Reading:
    """Read one call. A call without response is a chat that ends with a question.

    Raises:
        RowError: the request is none of a chat.
    """
    request, response = _one_of(row, REQUESTS), _one_of(row, RESPONSES)
    if request is None:
        request = response = dict(row)
    losses = tuple(
        Loss(UNREAD, name, row[name])
        for names in (REQUESTS, RESPONSES)
        for name in [name for name in names if row.get(name)][1:]
    )
    if not isinstance(request, dict):
        raise RowError("the request is no object")
    if not isinstance(response, dict):
        response = {}
    if request is not response and any(
        row.get(key) for key in ("messages", "input", "prompt", "choices", "output")
    ):
        raise RowError("the row holds a request beside that in its request")
    conversation_id = identifier_or_none(row, "id", prefix=f"{NAME}-")
    requested, answered = text(request.get("model")), text(response.get("model"))
    return Reading(
        Conversation(
            id=conversation_id,
            messages=tree(conversation_id, asked(request), answers(response), requested, answered),
            source=NAME,
            model_name=requested or answered,
            giver_id=person(row.get("user")) or person(row.get("user_id")),
            timestamp=next(
                (at for key in ("created", "created_at", "timestamp") if (at := timestamp(row.get(key)))),
                None,
            ),
            conversation_metadata={**mapping(row.get("metadata")), **tools_of(request)},
        ),
        losses=losses,
    )


def _one_of(row: RowValue, names: tuple[str, ...]) -> object:
    return next((parsed(row[name]) for name in names if row.get(name)), None)
