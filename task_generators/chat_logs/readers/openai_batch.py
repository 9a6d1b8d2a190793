"""OpenAI's batch files: lines with a request, lines with its response, and both together by ``custom_id``.

The file of results has no questions: its lines are read where those of the requests are in the same file. A request
without response is a chat that ends with a question.
Source: the reference of OpenAI's batch API, "The request input object" and "The request output object".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import Use
from task_generators.chat_logs.readers.exchanges import (
    REPORTS,
    SETTINGS,
    answers,
    asked,
    ignored,
    request_reads,
    response_reads,
    tree,
)
from task_generators.chat_logs.readers.fields import mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import identifier, tools_of
from task_generators.chat_logs.readers.uses import GIVER, METADATA, NOTE, TIME, TOOLS
from workspaces.records import Conversation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME = "openai-batch"
COLUMNS = frozenset({"custom_id"})
PRECEDENCE = 182
READS = {
    "custom_id": NOTE,
    **request_reads("body."),
    "body.tools": TOOLS,
    "body.functions": TOOLS,
    "body.user": GIVER,
    "body.metadata": METADATA,
    **response_reads("response.body."),
    "response.body.created|created_at": TIME,
    "response.status_code": Use("whether there is an answer", decides=True),
}
IGNORES = {
    "id": "the number of a line in one batch",
    "method": "how the service was called",
    "url": "where the service was called",
    "error": "why there is no answer",
    "response.request_id": "the number of a call",
    "response.body.id": "the number of a call",
    "response.body.error": "why there is no answer",
    **ignored(SETTINGS, "body."),
    **ignored(REPORTS, "response.body."),
}


def matches(row: RowValue) -> bool:
    """Return whether a row has a request or a response."""
    return isinstance(row.get("body"), dict) or "response" in row


def group_key(row: RowValue) -> str:
    """Return the key that a request and its response share.

    Raises:
        RowError: the row has no custom_id.
    """
    return identifier(row, "custom_id")


def read(row: RowValue) -> Reading:
    """Read a line alone.

    Raises:
        RowError: it is no request of a chat.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read a request and its responses, in any order. Several responses are siblings.

    Raises:
        RowError: none of the lines is a request of a chat.
    """
    custom_id = min(group_key(row) for row in rows)
    omissions: dict[int, str] = {}
    requests: dict[int, Mapping[str, object]] = {}
    for position, row in enumerate(rows):
        body = row.get("body")
        if group_key(row) != custom_id:
            omissions[position] = "custom_id is another one"
        elif isinstance(body, dict):
            requests[position] = body
    if not requests:
        raise RowError(
            "the request is not in the file: put the lines of the batch's input file and of its results into one file"
        )
    first = min(requests, key=lambda position: _order(requests[position]))
    request = requests[first]
    for position, other in requests.items():
        if _order(other) != _order(request):
            omissions[position] = "custom_id stands for another request"
    bodies = sorted(
        (
            body
            for position, row in enumerate(rows)
            if position not in omissions and (body := _answered(row)) is not None
        ),
        key=_order,
    )
    models = [text(body.get("model")) for body in bodies]
    alternatives = [answer for body in bodies for answer in answers(body)]
    requested = text(request.get("model"))
    times = [timestamp(body.get("created")) or timestamp(body.get("created_at")) for body in bodies]
    return Reading(
        Conversation(
            id="",
            messages=tree("", asked(request), alternatives, requested, models[0] if models else None),
            source=NAME,
            model_name=requested,
            giver_id=person(request.get("user")),
            timestamp=min((at for at in times if at is not None), default=None),
            conversation_metadata={
                **mapping(request.get("metadata")),
                **tools_of(request),
                "custom_id": custom_id,
            },
        ),
        omissions=tuple(sorted(omissions.items())),
    )


def _answered(row: RowValue) -> Mapping[str, object] | None:
    """Return the body of a response that holds an answer; None for a request, and for one that failed."""
    response = row.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    if not isinstance(response, dict) or not isinstance(body, dict):
        return None
    status = response.get("status_code")
    return body if status is None or str(status) == "200" else None


def _order(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True, default=str)
