"""FastChat's serving logs (``conv.json``): a chat is logged again after every turn, and each vote is a row of its own.

Rows of one ``conv_id`` are one tree; an answer that was made again is a sibling. Two models side by side are one tree
with two branches, and a vote on them is a comparison in the order of display.
Source: ``fastchat/serve/gradio_web_server.py``, ``gradio_block_arena_anony.py`` and ``conversation.py`` of FastChat.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from task_generators.chat_logs.readers.columns import CUT, UNREAD, Loss, Use
from task_generators.chat_logs.readers.feedback import Feedback
from task_generators.chat_logs.readers.fields import number, person, text, timestamp
from task_generators.chat_logs.readers.reading import Reading, RowError, RowValue
from task_generators.chat_logs.readers.thumbs import DOWN, THUMB, UP
from task_generators.chat_logs.readers.trees import in_order
from task_generators.chat_logs.readers.turns import (
    MAX_ID_CHARACTERS,
    ROLES,
    chain,
    checked,
    identifier,
    turns_of,
)
from task_generators.chat_logs.readers.uses import CONTENT, GIVER, ID, MODEL, ORDER, ROLE, TIME, TRANSCRIPT
from workspaces.records import Conversation, Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from workspaces.records import Message

    Path = tuple[Message, ...]
    """Messages from the first down, without ids: equal ones are one message of the tree."""

NAME = "fastchat"
COLUMNS = frozenset({"tstamp", "type"})
PRECEDENCE = 172

_THUMBS = {"upvote": UP, "downvote": DOWN}
_WINNERS = {"leftvote": 0, "rightvote": 1, "tievote": None, "bothbad_vote": None}
_FLAG = "flag"
_WITHOUT_VOTE = ("chat", "share")
_TYPES = {*_THUMBS, *_WINNERS, _FLAG, *_WITHOUT_VOTE}
_NOTHING = "NETWORK ERROR DUE TO HIGH TRAFFIC. PLEASE REGENERATE OR REFRESH THIS PAGE."
"""What FastChat logs in place of an answer that failed."""

_STATE: Mapping[str, Use] = {
    "conv_id": replace(ID, decides=True),
    "model_name": MODEL,
    "roles[]": ROLE,
    "system_message|system": CONTENT,
    "messages[][]": TRANSCRIPT,
    "offset": ORDER,
}
_TEMPLATE = (
    "name", "template_name", "system_template", "sep_style", "sep", "sep2", "stop_str", "stop_token_ids", "skip_next",
    "max_image_size_mb",
)  # fmt: skip
READS = {
    "tstamp": TIME,
    "type": Use("imported feedback", lambda value: value in _TYPES, decides=True),
    "ip": GIVER,
    "model": MODEL,
    "models[]": MODEL,
    **{f"state.{path}": use for path, use in _STATE.items()},
    **{f"states[].{path}": use for path, use in _STATE.items()},
}
IGNORES = {
    "start": "when the answer was begun",
    "finish": "when the answer was done",
    "gen_params": "the settings of one answer",
    **{
        f"{state}.{key}": "how the model's template writes a chat"
        for state in ("state", "states[]")
        for key in _TEMPLATE
    },
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row: its type, the path of each side, and the losses in it."""

    type: str
    paths: tuple[Path, ...]
    at: datetime | None
    person: str | None
    losses: tuple[Loss, ...]


def matches(row: RowValue) -> bool:
    """Return whether a row holds the state of one chat, or of two."""
    return isinstance(row.get("state"), dict) or isinstance(row.get("states"), list)


def group_key(row: RowValue) -> str:
    """Return the key of the rows of one tree: its chats' ids; a row of a chat without id is a tree of its own.

    Raises:
        RowError: the row has no chat.
    """
    return _tree_id(row) or json.dumps(row, sort_keys=True, default=str)


def read(row: RowValue) -> Reading:
    """Read one row as a tree of its own.

    Raises:
        RowError: the row is no entry of a log.
    """
    return read_group([row])


def read_group(rows: Sequence[RowValue]) -> Reading:
    """Read the rows of one tree, in any order.

    Raises:
        RowError: none of them can be read.
    """
    entries: dict[int, _Entry] = {}
    omissions: list[tuple[int, str]] = []
    for position, row in enumerate(rows):
        try:
            entries[position] = _entry(row)
        except RowError as error:
            omissions.append((position, str(error)))
    if not entries:
        raise RowError(min(reason for _, reason in omissions))
    tree_id = min(_tree_id(rows[position]) for position in entries)
    first = min(entries.values(), key=_order).paths[0][0]
    for position in list(entries):
        if _tree_id(rows[position]) != tree_id or entries[position].paths[0][0] != first:
            omissions.append((position, "conv_id stands for another chat in an earlier row"))
            del entries[position]
    in_time = sorted(entries.values(), key=_order)
    ids = _ids(tree_id, in_time)
    messages = [
        replace(path[-1], id=ids[path], parent_id=ids[path[:-1]] if path[1:] else None) for path in ids
    ]
    feedback: dict[str, Feedback] = {}
    losses = [loss for entry in in_time for loss in entry.losses]
    for entry in in_time:
        judgment = _judgment(entry, ids)
        if judgment is None and entry.type not in _WITHOUT_VOTE:
            losses.append(Loss(UNREAD, "type (vote on no answer)", entry.type))
        elif judgment is not None:
            feedback[repr(judgment)] = judgment
    return Reading(
        Conversation(
            id=tree_id,
            messages=in_order(checked(messages)),
            source=NAME,
            model_name=next((message.model_name for message in messages if message.model_name), None),
            giver_id=next((entry.person for entry in in_time if entry.person), None),
            timestamp=in_time[0].at,
        ),
        tuple(feedback.values()),
        tuple(sorted(omissions)),
        losses=tuple(losses),
    )


def _tree_id(row: RowValue) -> str:
    """Return the id of the tree of a row; empty if one of its chats has none."""
    ids = []
    for state in _states(row):
        if not text(state.get("conv_id")):
            return ""
        ids.append(identifier(state, "conv_id"))
    found = f"{NAME}-{'+'.join(ids)}"
    if len(found) > MAX_ID_CHARACTERS:
        raise RowError(f"conv_id is longer than {MAX_ID_CHARACTERS} characters")
    return found


def _states(row: RowValue) -> list[dict[str, object]]:
    states = row.get("states")
    found = states if isinstance(states, list) and states else [row.get("state")]
    if not 1 <= len(found) <= 2 or not all(isinstance(state, dict) for state in found):
        raise RowError("state is no chat")
    return [state for state in found if isinstance(state, dict)]


def _entry(row: RowValue) -> _Entry:
    kind = row.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise RowError(f"type is unknown: {str(kind)[:40]!r}")
    losses = [Loss(UNREAD, "state", row["state"])] if row.get("state") and row.get("states") else []
    paths = [_path(row, index, state, losses) for index, state in enumerate(_states(row))]
    if len({path[0] for path in paths}) > 1:  # each model's template may have a system prompt of its own
        for index, path in enumerate(paths):
            if path[0].role is Role.SYSTEM:
                paths[index] = path[1:]
    if not all(paths) or len({path[0] for path in paths}) > 1:
        raise RowError("the two chats begin with different prompts")
    return _Entry(kind, tuple(paths), timestamp(row.get("tstamp")), person(row.get("ip")), tuple(losses))


def _named(row: RowValue, side: int) -> str | None:
    models = row.get("models")
    return text(models[side] if isinstance(models, list) and side < len(models) else row.get("model"))


def _path(row: RowValue, side: int, state: Mapping[str, object], losses: list[Loss]) -> Path:
    """Return the messages of one chat without the examples of its template and the answer that is not there yet."""
    model = text(state.get("model_name")) or _named(row, side)
    words = _words(state.get("roles"))
    turns = []
    logged = turns_of(state, "messages")
    offset = int(float(number(state.get("offset")) or 0))
    losses.extend(Loss(CUT, "an example of the model's template", None) for _ in logged[: max(0, offset)])
    for index, each in enumerate(logged[max(0, offset) :]):
        if not isinstance(each, list) or len(each) != 2 or not isinstance(each[0], str):
            raise RowError(f"a turn is no pair of speaker and text: turn {index}")
        role = words.get(each[0].strip().lower())
        if role is None:
            raise RowError(f"a turn has an unknown role: {each[0][:40]!r} in turn {index}")
        if each[1] is None or each[1] == _NOTHING:
            if each[1]:
                losses.append(Loss(CUT, "an answer that failed", None))
            continue
        turns.append({"role": role, "content": list(_content(each[1]))})
    prompt = state.get("system_message") or state.get("system")
    if isinstance(prompt, str) and prompt.strip():
        turns.insert(0, {"role": Role.SYSTEM, "content": prompt})
    return tuple(replace(message, id="", parent_id=None) for message in chain("", turns, model))


def _content(value: object) -> Iterator[object]:
    """Yield the parts of a turn: a text, or a text with a list of images."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, list):
            yield from (
                {"type": "image", "image": image} for image in item if isinstance(image, str | dict) and image
            )
        elif isinstance(item, str):
            yield {"type": "text", "text": item}
        else:
            yield item


def _words(roles: object) -> dict[str, Role]:
    """Return the roles by the chat's own words for its two speakers, in lower case."""
    words: dict[str, Role] = dict(ROLES)
    if isinstance(roles, list) and len(roles) >= 2:
        for name, role in zip(roles, (Role.USER, Role.ASSISTANT), strict=False):
            if isinstance(name, str):
                words[name.strip().lower()] = role
    return words


def _order(entry: _Entry) -> tuple[bool, float, str]:
    return entry.at is None, entry.at.timestamp() if entry.at else 0.0, repr((entry.type, entry.paths))


def _ids(tree_id: str, entries: Sequence[_Entry]) -> dict[Path, str]:
    """Return the id of every message by its path: depth, and a number by time where there are several."""
    ids: dict[Path, str] = {}
    counts: dict[int, int] = {}
    for entry in entries:
        for path in entry.paths:
            for depth in range(1, len(path) + 1):
                if path[:depth] not in ids:
                    count = counts[depth] = counts.get(depth, 0) + 1
                    ids[path[:depth]] = f"{tree_id}#{depth - 1}" + (f"~{count - 1}" if count > 1 else "")
    return ids


def _judgment(entry: _Entry, ids: Mapping[Path, str]) -> Feedback | None:
    """Return what a row says of the last answers; None if it says nothing, or if they are no answers."""
    if any(path[-1].role is not Role.ASSISTANT or path[-1].only_calls for path in entry.paths):
        return None
    shown = [ids[path] for path in entry.paths]
    if entry.type in _WINNERS:
        if len(set(shown)) < 2:
            return None
        place = _WINNERS[entry.type]
        return Feedback.comparison(
            entry.person,
            (shown[0], shown[1]),
            None if place is None else shown[place],
            entry.at,
            both_bad=entry.type == "bothbad_vote",
            displayed=True,
        )
    if len(shown) > 1 or entry.type in _WITHOUT_VOTE:
        return None
    values = {THUMB: _THUMBS[entry.type]} if entry.type in _THUMBS else {_FLAG: "yes"}
    return Feedback.ratings(entry.person, shown[0], values, entry.at)
