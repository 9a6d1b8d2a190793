"""Cleaning rules of single sources. Omitted conversations are accounted for; other sources are not changed.

Source: FastChat's clean_sharegpt.py and clean_battle_data.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from task_generators.chat_logs.batches import Batch, RowOmission, batch_of, readings_in
from task_generators.chat_logs.curation.flags import TRIVIAL_CHARACTERS
from task_generators.chat_logs.losses import CUT_JUDGMENTS, Losses
from task_generators.chat_logs.readers.columns import CUT
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from task_generators.chat_logs.readers import Reading
    from workspaces.records import Conversation, Message

    Cleaned = tuple[Conversation, Mapping[str, int]]
    """A conversation, and how many turns were cut out of it, by reason."""


class OmitConversation(Exception):  # noqa: N818 - not an error: a decision, and its reason
    """A cleaning rule omits a conversation; the message is the reason."""


def clean(batch: Batch) -> Batch:
    """Return the batch with its source's rule applied; a batch of a source without a rule is returned as it is."""
    rule = RULES.get(batch.format or "")
    if rule is None or not batch.rows.num_rows:
        return batch
    kept: list[Reading] = []
    lines: list[int] = []
    omissions: list[RowOmission] = []
    losses = Losses()
    losses.update(batch.losses)
    for line, reading in zip(batch.rows.column("line").to_pylist(), readings_in(batch.rows), strict=True):
        try:
            conversation, cut = rule(reading.conversation)
        except OmitConversation as reason:
            omissions.append(RowOmission(line, "cleaned", str(reason)))
            continue
        message_ids = {message.id for message in conversation.messages}
        feedback = tuple(
            judgment for judgment in reading.feedback if message_ids.issuperset(judgment.message_ids)
        )
        for why, turns in cut.items():
            losses.add(CUT, f"{why} (rule of {batch.format})", turns)
        if len(feedback) < len(reading.feedback):
            losses.add(
                CUT_JUDGMENTS,
                f"of turns that were cut (rule of {batch.format})",
                len(reading.feedback) - len(feedback),
            )
        kept.append(replace(reading, conversation=conversation, feedback=feedback))
        lines.append(line)
    rows = batch_of(lines, kept)
    index = rows.schema.get_field_index("redactions")
    return replace(
        batch,
        rows=rows.set_column(index, rows.schema.field(index), pa.nulls(len(lines), pa.string())),
        omissions=(*batch.omissions, *omissions),
        losses=losses,
    )


def _sharegpt(conversation: Conversation) -> Cleaned:
    """Trim to the first human and the last model turn, cut at an empty answer, and require alternating turns.

    Calls of tools and their results are no turns: they stand between a question and its answer.
    """
    messages = list(conversation.messages)
    if any(
        message.parent_id != (messages[index - 1].id if index else None)
        for index, message in enumerate(messages)
    ):
        return conversation, {}  # a tree: its branches alternate by themselves
    system = [message for message in messages[:1] if message.role is Role.SYSTEM]
    cut: dict[str, int] = {}
    turns = messages[len(system) :]
    first = next((index for index, turn in enumerate(turns) if turn.role is Role.USER), len(turns))
    cut["before the first question"], turns = first, turns[first:]
    until = _until_empty(turns)
    cut["from an empty answer on"], turns = len(turns) - len(until), until
    answers = [
        index for index, turn in enumerate(turns) if turn.role is Role.ASSISTANT and not turn.only_calls
    ]
    last = max(answers, default=-1)
    cut["after the last answer"], turns = len(turns) - last - 1, turns[: last + 1]
    if not turns:
        raise OmitConversation("no question with an answer")
    if any(
        message.role is not (Role.ASSISTANT if index % 2 else Role.USER)
        for index, message in enumerate(filter(_is_said, turns))
    ):
        raise OmitConversation("person and model do not take turns")
    if sum(len(message.content) for message in turns) < TRIVIAL_CHARACTERS:
        raise OmitConversation(f"shorter than {TRIVIAL_CHARACTERS} characters")
    cleaned = replace(conversation, messages=_chained([*system, *turns]))
    return cleaned, {reason: count for reason, count in cut.items() if count}


def _arena(conversation: Conversation) -> Cleaned:
    """Omit a conversation that asks nothing: its only prompt is shorter than two characters."""
    prompts = [message for message in conversation.messages if message.role is Role.USER]
    if len(prompts) == 1 and len(prompts[0].content.strip()) < 2:
        raise OmitConversation("a trivial prompt and nothing else")
    return conversation, {}


def _until_empty(messages: list[Message]) -> list[Message]:
    for index, message in enumerate(messages):
        if message.role is Role.ASSISTANT and not message.tool_calls and not message.content.strip():
            return messages[:index]
    return messages


def _is_said(message: Message) -> bool:
    return message.role is not Role.TOOL and not message.tool_calls


def _chained(messages: list[Message]) -> tuple[Message, ...]:
    parents = [None, *(message.id for message in messages)]
    return tuple(
        replace(message, parent_id=parent) for message, parent in zip(messages, parents, strict=False)
    )


RULES: Mapping[str, Callable[[Conversation], Cleaned]] = {
    "sharegpt": _sharegpt,
    "collective-cognition": _sharegpt,
    "arena": _arena,
}
"""The cleaning rule of a format, by the format's name."""
