"""Traces and observations of Langfuse: an input and an output, and the scores of people.

Source: "Blob storage export field reference" of Langfuse's documentation, and its public API (``TraceWithFullDetails``,
``ObservationsView``, ``Score``), which write names in snake case and in camel case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss, Use, has_value
from task_generators.chat_logs.readers.exchanges import tree
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import mapping, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.traces import call_ignores, call_reads, conversation_in, rating
from task_generators.chat_logs.readers.turns import identifier
from task_generators.chat_logs.readers.uses import GIVER, ID, METADATA, MODEL, RATER, TIME
from workspaces.records import Conversation, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "langfuse"
COLUMNS = frozenset({"id", "input", "output"})
PRECEDENCE = 200
_RATING = Use("imported feedback: rating", lambda value: not isinstance(value, list | dict), decides=True)
READS = {
    "id": ID,
    **call_reads("input", "output"),
    "userId|user_id": GIVER,
    "timestamp|startTime|start_time": TIME,
    "model|providedModelName|provided_model_name": MODEL,
    "type": Use("whether it is a chat", decides=True),
    "metadata": METADATA,
    **{f"scores[].{key}": _RATING for key in ("name", "value", "stringValue", "string_value", "source")},
    "scores[].authorUserId|author_user_id": RATER,
    "scores[].timestamp": TIME,
    "scores.*": _RATING,
    "scores.*[]": _RATING,
}
_SCORE_NUMBERS = (
    "id", "traceId", "trace_id", "observationId", "observation_id", "sessionId", "session_id", "projectId",
    "project_id", "environment", "dataType", "data_type", "configId", "config_id", "queueId", "queue_id", "createdAt",
    "created_at", "updatedAt", "updated_at", "datasetRunId",
)  # fmt: skip
IGNORES = {
    **{f"scores[].{key}": "how the score is filed" for key in _SCORE_NUMBERS},
    **call_ignores("input", "output"),
    **dict.fromkeys(("usage", "totalCost", "total_cost", "latency"), "what the service reports of its work"),
    **dict.fromkeys(
        (
            "traceId", "trace_id", "sessionId", "session_id", "name", "traceName", "trace_name", "projectId",
            "project_id",
            "environment", "release", "version", "tags", "public", "bookmarked", "htmlPath", "externalId", "createdAt",
            "created_at", "updatedAt", "updated_at", "endTime", "end_time", "completionStartTime",
            "completion_start_time", "parentObservationId", "parent_observation_id", "level", "statusMessage",
            "status_message", "modelParameters", "model_parameters", "modelId", "internalModelId", "internal_model_id",
            "promptId", "prompt_id", "promptName", "prompt_name", "promptVersion", "prompt_version", "timeToFirstToken",
            "time_to_first_token", "usageDetails", "usage_details", "costDetails", "cost_details", "observations[]",
        ),
        "how the program ran",
    ),
}  # fmt: skip

_MARKS = {
    "htmlPath", "traceId", "trace_id", "sessionId", "session_id", "parentObservationId", "parent_observation_id",
    "observations", "scores", "environment", "completionStartTime", "usageDetails", "usage_details",
}  # fmt: skip
_MODELS = ("model", "providedModelName", "provided_model_name")
_TIMES = ("timestamp", "startTime", "start_time")
_BY_MODEL = "EVAL"
"""The source of scores that a model gave: they are no feedback of people."""
_STEPS = ("EVENT", "TOOL", "RETRIEVER", "EMBEDDING", "GUARDRAIL", "EVALUATOR")


def matches(row: RowValue) -> bool:
    """Return whether a row is a trace or an observation."""
    return not row.keys().isdisjoint(_MARKS)


def read(row: RowValue) -> Reading:
    """Read one trace or observation.

    Raises:
        RowError: it is no call of a model.
    """
    trace_id = identifier(row, "id", prefix=f"{NAME}-")
    if row.get("type") in _STEPS:
        raise RowError(f"an observation of this type is no chat: {row['type']}")
    turns, alternatives = conversation_in(row.get("input"), row.get("output"))
    model = next((name for key in _MODELS if (name := text(row.get(key)))), None)
    given = row.get("input")
    requested = text(given.get("model")) if isinstance(given, dict) else None
    messages = tree(trace_id, turns, alternatives, model or requested, None)
    last = messages[-1]
    rated = last.role is Role.ASSISTANT and not last.only_calls and len(alternatives) < 2
    feedback = []
    losses = []
    for path, score in _scores(row.get("scores")):
        judgment = _judgment(score, last.id) if rated else None
        if judgment is not None:
            feedback.append(judgment)
        elif has_value(score):
            losses.append(Loss(UNREAD, path, score))
    return Reading(
        Conversation(
            id=trace_id,
            messages=messages,
            source=NAME,
            model_name=model or requested,
            giver_id=person(row.get("userId")) or person(row.get("user_id")),
            timestamp=next((at for key in _TIMES if (at := timestamp(row.get(key)))), None),
            conversation_metadata=mapping(row.get("metadata")),
        ),
        tuple(feedback),
        losses=tuple(losses),
    )


def _scores(scores: object) -> Iterator[tuple[str, object]]:
    """Yield the scores of a row, each with its path; files from Langfuse's tables hold lists of values by name."""
    if isinstance(scores, list):
        yield from (("scores[]", score) for score in scores)
    elif isinstance(scores, dict):
        for name, values in scores.items():
            for value in values if isinstance(values, list) else [values]:
                yield "scores.*", {"name": name, "value": value}


def _judgment(score: object, message_id: str) -> Feedback | None:
    if not isinstance(score, dict) or score.get("source") == _BY_MODEL:
        return None
    word = score.get("stringValue") or score.get("string_value")
    value = word if isinstance(word, str) else score.get("value")
    found = rating(score.get("name"), value)
    rater = person(score.get("authorUserId")) or person(score.get("author_user_id"))
    return Feedback.ratings(rater, message_id, found, timestamp(score.get("timestamp"))) if found else None
