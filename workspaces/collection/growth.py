"""Growth: merges two readings of one conversation, such as a chat that went on, or a tree spread over several files.

The result does not depend on the order of the readings. Messages are in the order of their tree. Time, model and
language are those of the earliest reading that has the root message (of several, the alphabetically first value). In
the metadata, lists of strings are united; what either reading flags stays flagged (lists of labels with one per
message are merged message by message); of two other values under one key the longer one is kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from workspaces.collection.message_columns import STRUCTURE, structure_of
from workspaces.privacy.placeholders import PLACEHOLDER
from workspaces.records import Message, Role, tree_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta

    Row = dict[str, Any]

_IDENTICAL = ("role", "parent_id", "model_name")
_TEXTS = ("content", *STRUCTURE)
_MARK = re.compile(r"\[(?:image|audio|video|file|document|input|media)[a-z_]*\]")
_PROVENANCE = ("user_id", "source", "licence")


class ConflictError(ValueError):
    """Two readings with the same id contradict each other."""


class ForeignError(ValueError):
    """Two readings with the same id have different givers, sources or licences."""


class BeginningMissingError(ValueError):
    """A new message answers a message that neither reading has."""


@dataclass(slots=True)
class Growth:
    """The result of merging readings of a batch with conversations that are known with another text.

    Args:
        rows: the rows of the known conversations, by id; the row of one that grows is replaced.
        share_at: the time until which each of them is held, by id.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    share_at: dict[str, datetime] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Ids of the conversations that grew."""
    reprompted: set[str] = field(default_factory=set)
    """Ids of the conversations whose first prompt changed."""
    grown: list[int] = field(default_factory=list)
    """Positions in the batch, as in the following lists."""
    conflicting: list[int] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    fragments: list[int] = field(default_factory=list)

    def add(
        self, position: int, reading: Row, now: datetime, delay: timedelta, *, from_receipt: bool = False
    ) -> None:
        """Merge a reading into its conversation, which is then held for ``delay``.

        The time of most logs is when the chat began. So the delay counts from the time of the reading only if that is
        later than the time known before, and otherwise from ``now``; with ``from_receipt`` always from ``now``.
        """
        name = reading["conversation_id"]
        try:
            if (before := self.rows.get(name)) is None:  # it is marked as deleted
                raise ConflictError
            after = grown(before, reading)
        except ConflictError:
            self.conflicting.append(position)
            return
        except ForeignError:
            self.foreign.append(position)
            return
        except BeginningMissingError:
            self.fragments.append(position)
            return
        if after is before:
            return
        self.rows[name] = after
        self.names.add(name)
        self.grown.append(position)
        known_time, time = before["timestamp"], reading["timestamp"]
        is_later = not from_receipt and known_time is not None and time is not None and known_time < time
        share_at = held_until(time if is_later else None, now, delay)
        if share_at <= self.share_at[name]:
            share_at = now + delay
        self.share_at[name] = max(self.share_at[name], share_at)
        if _first_prompt(before) != _first_prompt(after):
            self.reprompted.add(name)


def held_until(time: datetime | None, now: datetime, delay: timedelta) -> datetime:
    """Return the time until which a log of ``time`` is held.

    No time, or a time in the future, counts as ``now``, so that a wrong clock does not hold a log for ever.
    """
    return min(time or now, now) + delay


def grown(stored: Row, reading: Row) -> Row:
    """Return a stored conversation with the new messages of another reading; ``stored`` itself if there are none.

    A message of both must be the same in both. Placeholders are numbered for each reading separately, so their numbers
    may differ. In new messages they get the numbers of the stored placeholders where a common message shows which ones
    correspond, and new numbers otherwise, because nobody can tell whether they replace the same value.

    Args:
        stored: a row with the columns of ``files.SCHEMA``.
        reading: another row with the same id. Its messages may be a fragment, without the root of the tree.

    Returns:
        A row; its columns of curation (``files.COMPUTED``, languages, flags) must be computed again for the whole
        conversation.

    Raises:
        ForeignError: both have a giver, a source or a licence, and these differ.
        ConflictError: a common message differs, or the tree would have two roots.
        BeginningMissingError: a new message answers a message that neither has.
    """
    stored_messages = {message["id"]: message for message in stored["conversation"]}
    common = [
        (stored_messages[message["id"]], message)
        for message in reading["conversation"]
        if message["id"] in stored_messages
    ]
    if any(_differ(stored_message, message) for stored_message, message in common):
        raise ConflictError
    if any(stored[name] and reading[name] and stored[name] != reading[name] for name in _PROVENANCE):
        raise ForeignError
    new = [message for message in reading["conversation"] if message["id"] not in stored_messages]
    if not new:
        return stored
    renumbered = _renumbering(stored, reading, common)
    new = [_with_texts(message, renumbered) for message in new]
    metadata = renumbered(reading["conversation_metadata"])
    # an older version stored no content hashes
    content_hashes = filter(None, (stored["content_hash"], reading["content_hash"]))
    return {
        **stored,
        **{name: stored[name] or reading[name] for name in _PROVENANCE},
        **_of_the_earliest(stored, reading),
        "conversation": _ordered([*stored_messages.values(), *new]),
        "user_metadata": _merged_json(stored["user_metadata"], reading["user_metadata"]),
        "conversation_metadata": _merged_json(stored["conversation_metadata"], metadata),
        "earlier_hashes": sorted(
            {*(stored["earlier_hashes"] or ()), *(reading["earlier_hashes"] or ()), *content_hashes}
        ),
    }


def _differ(stored: Row, message: Row) -> bool:
    if any(stored[name] != message[name] for name in _IDENTICAL):
        return True
    texts = _text(stored), _text(message)
    if texts[0] == texts[1] or _unnumbered(texts[0]) == _unnumbered(texts[1]):
        return False
    if structure_of(stored) or not structure_of(message):
        return True
    older = {str(_unnumbered(_squeezed(text))) for text in _as_older(message)}
    return str(_unnumbered(_squeezed(stored["content"]))) not in older


def _as_older(message: Row) -> Iterator[str]:
    """Yield a message as versions before tool calls and reasoning had columns may have stored it: as one text."""
    calls = [f"{call['name']}({call['arguments']})" for call in message["tool_calls"] or ()]
    nameless = [f"{call['name']}()" for call in message["tool_calls"] or ()]
    thought = f"<think>{message['reasoning']}</think>" if message["reasoning"] else ""
    for beginning in ("", thought):
        for called in (calls, nameless):
            yield "\n".join((beginning, message["content"], *called))


def _squeezed(text: str) -> str:
    """Return a text without white space and without the marks that stood for attachments."""
    return "".join(_MARK.sub("", text).split())


def _text(message: Row) -> str:
    """Return all texts of a message as one."""
    text: str = message["content"]
    structure = structure_of(message)
    return f"{text}\x1f{structure}" if structure else text


def _with_texts(message: Row, changed: Callable[[str], str]) -> Row:
    """Return a message with its texts changed, those of its tool calls and attachments, too."""

    def inside(value: Any) -> Any:
        if isinstance(value, str):
            return changed(value)
        if isinstance(value, list):
            return [inside(item) for item in value]
        return {name: inside(item) for name, item in value.items()} if isinstance(value, dict) else value

    return {**message, **{name: inside(message[name]) for name in _TEXTS if message[name]}}


def _unnumbered(content: str) -> list[str]:
    """Return the pieces of a text: plain text and kinds of placeholders in turn."""
    pieces = PLACEHOLDER.split(content)
    del pieces[2::3]  # the numbers
    return pieces


def _renumbering(stored: Row, reading: Row, common: Iterable[tuple[Row, Row]]) -> Callable[[str], str]:
    """Return a function that gives the placeholders of a reading their numbers in the stored conversation.

    Args:
        stored: the stored conversation.
        reading: the reading.
        common: each message of both, as stored and as in the reading.
    """
    pairs = [(_text(stored_message), _text(message)) for stored_message, message in common]
    metadata = stored["conversation_metadata"], reading["conversation_metadata"]
    if _unnumbered(metadata[0]) == _unnumbered(metadata[1]):
        pairs.append(metadata)
    renamed: dict[str, str] = {}
    for stored_text, text in pairs:
        matches = zip(PLACEHOLDER.finditer(stored_text), PLACEHOLDER.finditer(text), strict=True)
        for stored_match, match in matches:
            renamed.setdefault(match[0], stored_match[0])
    taken = {
        match[0]
        for text in (*map(_text, stored["conversation"]), metadata[0])
        for match in PLACEHOLDER.finditer(text)
    }

    def rename(match: re.Match[str]) -> str:
        placeholder = match[0]
        if placeholder not in renamed:
            candidates = (f"[{match[1]}_{number}]" for number in count(1))
            renamed[placeholder] = (
                placeholder
                if placeholder not in taken
                else next(candidate for candidate in candidates if candidate not in taken)
            )
            taken.add(renamed[placeholder])
        return renamed[placeholder]

    return lambda text: PLACEHOLDER.sub(rename, text)


def _ordered(messages: list[Row]) -> list[Row]:
    if sum(message["parent_id"] is None for message in messages) != 1:
        raise ConflictError
    by_id = {message["id"]: message for message in messages}
    generated = [message for message in messages if message.get("generated")]
    order = tree_order(
        Message(message["id"], message["parent_id"], Role(message["role"]), "")
        for message in messages
        if not message.get("generated")
    )
    if len(order) + len(generated) < len(messages):
        raise BeginningMissingError
    return [*(by_id[message.id] for message in order), *generated]


def _of_the_earliest(stored: Row, reading: Row) -> Row:
    """Return time, model and language of the earlier reading, or the alphabetically first ones if both have one time.

    A fragment counts as later than a reading with the root message.
    """
    stored_rank, reading_rank = (
        (
            all(message["parent_id"] for message in row["conversation"]),
            row["timestamp"] is None,
            row["timestamp"],
        )
        for row in (stored, reading)
    )
    if stored_rank != reading_rank:
        stored = reading = stored if stored_rank < reading_rank else reading
    return {
        name: min((row[name] for row in (stored, reading) if row[name] is not None), default=None)
        for name in ("timestamp", "model_name", "language")
    }


def _merged_json(first: str, second: str) -> str:
    """Return two JSON objects as one."""
    if first == second:
        return first
    return json.dumps(_merged(json.loads(first), json.loads(second)), ensure_ascii=False)


def _merged(first: Any, second: Any) -> Any:
    """Return two JSON values as one: true if either is true; of values that cannot be merged, the longer one."""
    if isinstance(first, bool) and isinstance(second, bool):
        return first or second
    if isinstance(first, dict) and isinstance(second, dict):
        either = {**first, **second}
        common = first.keys() & second.keys()
        return {
            key: _merged(first[key], second[key]) if key in common else either[key] for key in sorted(either)
        }
    if isinstance(first, list) and isinstance(second, list):
        if all(isinstance(item, str) for item in (*first, *second)):
            return sorted({*first, *second})
        paired = [_merged(*pair) for pair in zip(first, second, strict=False)]  # labels, one per message
        return paired + max(first, second, key=len)[len(paired) :]
    return max(first, second, key=lambda value: (len(text := json.dumps(value, sort_keys=True)), text))


def _first_prompt(row: Row) -> str | None:
    user_texts = (message["content"] for message in row["conversation"] if message["role"] == Role.USER.value)
    return next(user_texts, None)
