"""Runs of LangSmith, LangChain's service: inputs and outputs in LangChain's or OpenAI's writing, and what people said.

A run's ``feedback_stats`` sum up several people, so they count as the feedback of one unnamed rater per run.
Source: "Run (span) data format" of LangSmith's documentation; ``langchain_core.load`` for serialised messages.
"""

from __future__ import annotations

from dataclasses import replace

from task_generators.chat_logs.readers.columns import UNREAD, Loss, Use, has_value
from task_generators.chat_logs.readers.exchanges import tree
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.traces import call_ignores, call_reads, conversation_in, rating
from task_generators.chat_logs.readers.turns import identifier
from task_generators.chat_logs.readers.uses import ID, MODEL, SCORE, TIME
from workspaces.records import Conversation, Role

NAME = "langsmith"
COLUMNS = frozenset({"id", "inputs", "outputs"})
PRECEDENCE = 190
READS = {
    "id": ID,
    **call_reads("inputs", "outputs"),
    "start_time": TIME,
    "extra.metadata.ls_model_name": MODEL,
    "feedback_stats.*.avg": replace(SCORE, decides=True),  # as a thumb, where its name says so
    "run_type": Use("whether it is a chat", decides=True),
}
_STEPS = ("tool", "retriever", "embedding", "parser", "prompt")
_PROGRAM = "how the program ran"
IGNORES = {
    **call_ignores("inputs", "outputs"),
    **{f"feedback_stats.*.{key}": "how many said it" for key in ("n", "stdev", "min", "max", "errors", "sources")},
    **dict.fromkeys(
        (
            "name", "end_time", "error", "events", "serialized", "trace_id", "dotted_order", "status",
            "parent_run_id", "parent_run_ids", "child_run_ids", "direct_child_run_ids", "session_id", "session_name",
            "first_token_time", "app_path", "manifest_id", "extra.runtime", "extra.invocation_params", "extra.options",
            "extra.batch_size", "prompt_tokens", "completion_tokens", "total_tokens", "prompt_cost", "completion_cost",
            "total_cost", "execution_order", "inputs_preview", "outputs_preview", "last_queued_at", "trace_tier",
        ),
        _PROGRAM,
    ),
}  # fmt: skip


def matches(row: RowValue) -> bool:
    """Return whether a row is a run."""
    return not row.keys().isdisjoint({"run_type", "dotted_order", "trace_id", "feedback_stats"})


def read(row: RowValue) -> Reading:
    """Read one run.

    Raises:
        RowError: it is no call of a model, or it failed before a question was there.
    """
    run_id = identifier(row, "id", prefix=f"{NAME}-")
    if row.get("run_type") in _STEPS:
        raise RowError(f"a run of this type is no chat: {row['run_type']}")
    turns, alternatives = conversation_in(row.get("inputs"), row.get("outputs"))
    inputs, extra = row.get("inputs"), row.get("extra")
    metadata = extra.get("metadata") if isinstance(extra, dict) else None
    named = text(metadata.get("ls_model_name")) if isinstance(metadata, dict) else None
    requested = text(inputs.get("model")) if isinstance(inputs, dict) else None
    messages = tree(run_id, turns, alternatives, named or requested, None)
    last = messages[-1]
    given, losses = _ratings(row.get("feedback_stats"))
    feedback: tuple[Feedback, ...] = ()
    if given and last.role is Role.ASSISTANT and not last.only_calls and len(alternatives) < 2:
        feedback = (Feedback.ratings(None, last.id, given, None).of_row(),)
    elif given:
        losses.append(Loss(UNREAD, "feedback_stats (of no single response)", row.get("feedback_stats")))
    return Reading(
        Conversation(
            id=run_id,
            messages=messages,
            source=NAME,
            model_name=named or requested,
            timestamp=timestamp(row.get("start_time")),
        ),
        feedback,
        losses=tuple(losses),
    )


def _ratings(stats: object) -> tuple[dict[str, str], list[Loss]]:
    """Return the ratings of a run, and the means that are none, or that stand for the same rating as another."""
    given: dict[str, str] = {}
    losses: list[Loss] = []
    for name, each in stats.items() if isinstance(stats, dict) else ():
        mean = each.get("avg") if isinstance(each, dict) else None
        found = rating(name, mean)
        if any(given.get(kind, value) != value for kind, value in found.items()) or (
            not found and has_value(mean)
        ):
            losses.append(Loss(UNREAD, "feedback_stats.*.avg", mean))
        else:
            given |= found
    return given, losses
