"""OpenAssistant conversations, one message per row: trees that people wrote, ranked and labelled.

Ranks and labels summarise several reviewers, so they count as the feedback of one unnamed rater per tree.
Source: Koepf et al. (2023), arXiv 2304.07327.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import UNREAD, Loss, Use
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import clean, language, licence, number, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.turns import checked, identifier, role_of
from task_generators.chat_logs.readers.uses import (
    CONTENT,
    FLAG,
    GIVER,
    ID,
    LANGUAGE,
    MESSAGE_ID,
    MODEL,
    NOTE,
    PARENT,
    RANK,
    ROLE,
    SCORE,
    TIME,
    of_response,
)
from task_generators.chat_logs.readers.uses import LICENCE as LICENCE_NAME
from workspaces.records import Conversation, Message, Role, tree_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


NAME = "oasst"
COLUMNS = frozenset({"message_id", "parent_id", "message_tree_id", "text", "role"})
PRECEDENCE = 160
LICENCE = "Apache-2.0"
LABELS = (
    "spam",
    "fails_task",
    "lang_mismatch",
    "pii",
    "not_appropriate",
    "hate_speech",
    "sexual_content",
    "quality",
    "toxicity",
    "humor",
    "helpfulness",
    "creativity",
    "violence",
)

_OF_PROMPTS = "what reviewers said of a prompt: responses are what people judge here"
_STATE = Use(
    "whether it is part of the tree", lambda value: str(value).lower() in ("true", "false"), decides=True
)


def _of_first(use: Use) -> Use:
    return replace(use, goes_to=f"{use.goes_to}: that of the first message", decides=True)


MESSAGE_READS = {
    "message_id": MESSAGE_ID,
    "text": CONTENT,
    "role": ROLE,
    "lang": _of_first(LANGUAGE),
    "user_id": _of_first(GIVER),
    "created_date": replace(
        TIME, goes_to="time: of the first message, and of feedback on a response", decides=True
    ),
    "model_name": of_response(MODEL),
    "deleted": _STATE,
    "review_result": FLAG,
    "rank": of_response(RANK, why=_OF_PROMPTS),
    "labels": of_response(
        Use("imported feedback: labels", lambda value: isinstance(value, dict)), why=_OF_PROMPTS
    ),
    "labels.name[]": Use("imported feedback: label", lambda value: value in LABELS),
    "labels.value[]": SCORE,
    **{f"labels.{label}.value": SCORE for label in LABELS},
}
MESSAGE_IGNORES = {
    "review_count": "how many reviewed it",
    "synthetic": "whether a model wrote it: the model's name says it",
    "detoxify": "another classifier's labels: moderation is asked for anew",
    "emojis": "reactions of the set's own reviewers, which its labels sum up",
    "labels.count": "how many gave a label",
    **{f"labels.{label}.count": "how many gave a label" for label in ("*", *LABELS)},
}
READS = {
    **MESSAGE_READS,
    "parent_id": PARENT,
    "message_tree_id": ID,
    "tree_state": _of_first(NOTE),
    "licence|license": LICENCE_NAME,
}
IGNORES = MESSAGE_IGNORES

MOST_COMPARED = 16
"""Up to this many ranked siblings are compared in all pairs; of more, each with the next one."""


def group_key(row: RowValue) -> str:
    """Return the tree of a message.

    Raises:
        RowError: it names no tree.
    """
    return identifier(row, "message_tree_id", prefix=f"{NAME}-")


def read(row: RowValue) -> Reading:
    """Read a tree of one message, or a fragment if the message is not the first of its tree.

    Raises:
        RowError: the row is not a message.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read the messages of one tree, in any order.

    Messages that answer a message in no row are fragments. Deleted messages and all that answers them are omitted.

    Raises:
        RowError: every row is omitted.
    """
    omissions: dict[int, str] = {}
    messages: dict[str, tuple[int, Message]] = {}
    # of two rows with one id, the same one counts in any order of the file
    for position, row in sorted(
        enumerate(rows), key=lambda numbered: json.dumps(numbered[1], sort_keys=True, default=str)
    ):
        try:
            message = _message(row)
        except RowError as error:
            omissions[position] = str(error)
            continue
        if message.id in messages and messages[message.id][1] != message:
            omissions[position] = "message_id stands twice with different texts"
        else:
            messages.setdefault(message.id, (position, message))
    children: dict[str | None, list[str]] = {}
    for _, message in messages.values():
        children.setdefault(message.parent_id, []).append(message.id)
    named = {None, *(f"{NAME}-{text(row.get('message_id'))}" for row in rows)}
    siblings = [sorted(children.get(None, ()))[:1]]
    siblings += (children[parent] for parent in sorted(children.keys() - named, key=str))
    readings: list[Reading] = []
    for tops in filter(None, siblings):
        positions = {name: messages[name][0] for name in _below(tops, children)}
        members = {name: messages.pop(name)[1] for name in positions}
        try:
            checked(list(members.values()))
        except RowError as error:
            omissions |= dict.fromkeys(positions.values(), str(error))
        else:
            rooted = (
                replace(message, parent_id=None) if message.id in tops else message
                for message in members.values()
            )
            ordered = [members[message.id] for message in tree_order(rooted)]
            readings.append(_reading(ordered, positions, rows))
    for position, message in messages.values():
        omissions[position] = (
            "the tree has another first message"
            if message.parent_id is None
            else "the message that it answers is left out"
        )
    if not readings:
        raise RowError(next(iter(omissions.values()), "the tree has no message"))
    return replace(readings[0], omissions=tuple(sorted(omissions.items())), fragments=tuple(readings[1:]))


def _reading(messages: Sequence[Message], positions: Mapping[str, int], rows: Sequence[RowValue]) -> Reading:
    """Return a tree or a fragment; giver and language are those of the tree's first message."""
    row_of = {message_id: rows[position] for message_id, position in positions.items()}
    first = row_of[messages[0].id]
    root = first if messages[0].parent_id is None else {}
    failed = sorted(message.id for message in messages if row_of[message.id].get("review_result") is False)
    return Reading(
        Conversation(
            id=group_key(first),
            messages=tuple(messages),
            source=NAME,
            giver_id=person(root.get("user_id")),
            timestamp=timestamp(first.get("created_date")),
            licence=licence(first, LICENCE),
            language=language(root.get("lang")),
            conversation_metadata={
                **({"tree_state": state} if (state := text(root.get("tree_state"))) else {}),
                **({"failed_review": list(failed)} if failed else {}),
            },
        ),
        (*_ranked(messages, row_of), *_labelled(messages, row_of)),
        place=min(positions.values()),
        losses=tuple(loss for message in messages for loss in _unknown(row_of[message.id].get("labels"))),
    )


def _message(row: RowValue) -> Message:
    content = row.get("text")
    if not isinstance(content, str):
        raise RowError("text is missing")
    if str(row.get("deleted")).lower() == "true":
        raise RowError("the message was deleted by its moderators")
    role = role_of(row.get("role"), 0)
    parent = text(row.get("parent_id"))
    return Message(
        id=identifier(row, "message_id", prefix=f"{NAME}-"),
        parent_id=None if parent is None else f"{NAME}-{parent}",
        role=role,
        content=clean(content),
        model_name=text(row.get("model_name")) if role is Role.ASSISTANT else None,
    )


def _below(tops: Sequence[str], children: Mapping[str | None, Sequence[str]]) -> set[str]:
    """Return these messages and all their descendants."""
    waiting, reached = list(tops), set(tops)
    while waiting:
        below = children.get(waiting.pop(), [])
        reached.update(below)
        waiting.extend(below)
    return reached


def _ranked(messages: Sequence[Message], row_of: Mapping[str, RowValue]) -> Iterator[Feedback]:
    """Yield comparisons of the answers to one prompt by their ranks: 0 is the best."""
    siblings: dict[str | None, list[tuple[float, str]]] = {}
    for message in messages:
        rank = number(row_of[message.id].get("rank"))
        if message.role is Role.ASSISTANT and rank is not None:
            siblings.setdefault(message.parent_id, []).append((float(rank), message.id))
    for ranked in siblings.values():
        ranked.sort()
        compared: Iterable[tuple[tuple[float, str], tuple[float, str]]] = (
            combinations(ranked, 2) if len(ranked) <= MOST_COMPARED else pairwise(ranked)
        )
        for (first_rank, first), (second_rank, second) in compared:
            better = None if first_rank == second_rank else first
            at = timestamp(row_of[second].get("created_date"))
            yield Feedback.comparison(None, (first, second), better, at)


def _labelled(messages: Sequence[Message], row_of: Mapping[str, RowValue]) -> Iterator[Feedback]:
    """Yield the labels of each answer: mean values from 0 to 1."""
    for message in messages:
        values = _labels(row_of[message.id].get("labels"))
        if message.role is Role.ASSISTANT and values:
            at = timestamp(row_of[message.id].get("created_date"))
            yield Feedback.ratings(None, message.id, values, at)


def _unknown(labels: object) -> Iterator[Loss]:
    """Yield the values of labels by another name than the known ones, where names and values are lists."""
    names, values = (labels.get("name"), labels.get("value")) if isinstance(labels, dict) else (None, None)
    if isinstance(names, list) and isinstance(values, list):
        for position, value in enumerate(values):
            if value is not None and (position >= len(names) or names[position] not in LABELS):
                yield Loss(UNREAD, "labels.value[]", value)


def _labels(labels: object) -> dict[str, str]:
    """Return the known labels by name. Logs write them as three lists, or as ``{name: {value, count}}``."""
    if not isinstance(labels, dict):
        return {}
    names, values = labels.get("name"), labels.get("value")
    if isinstance(names, list) and isinstance(values, list):
        pairs = list(zip(names, values, strict=False))
    else:
        pairs = [(name, label.get("value")) for name, label in labels.items() if isinstance(label, dict)]
    given = {str(name): number(value) for name, value in pairs}
    return {name: value for name in LABELS if (value := given.get(name)) is not None}
