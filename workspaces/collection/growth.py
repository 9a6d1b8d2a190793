"""One conversation out of two readings of it: a chat that went on, or a tree whose rows stand in several files.

What comes out does not depend on which came first: messages are in the order of their tree, time, model and language
are those of the earliest reading that has the beginning (of several, the first by the alphabet). In the metadata
lists of texts are united, what either reading flags stays flagged (lists of labels, one a message, are united message
by message), and of two other values under one key the longer one stays.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from workspaces.privacy.placeholders import PLACEHOLDER
from workspaces.records import Message, Role, tree_order

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable
    from datetime import datetime, timedelta

    Row = dict[str, Any]

_SAID = ("role", "parent_id", "model_name")
_OF_ONE = ("user_id", "source", "licence")


class ConflictError(ValueError):
    """Two readings under one id say different things."""


class ForeignError(ValueError):
    """Two readings under one id come from different givers or sources, or under different licences."""


class BeginningMissingError(ValueError):
    """Messages answer one that is not there."""


@dataclass(slots=True)
class Growth:
    """What became of conversations of a batch whose id was known with another text.

    Args:
        rows: those that are known, by id; those that grow are replaced.
        share_at: until when each of them is held.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    share_at: dict[str, datetime] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Ids of those that grew."""
    reprompted: set[str] = field(default_factory=set)
    """Ids of those that begin with another prompt now."""
    grown: list[int] = field(default_factory=list)
    conflicting: list[int] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    fragments: list[int] = field(default_factory=list)
    """Positions in the batch."""

    def add(self, position: int, given: Row, now: datetime, delay: timedelta) -> None:
        """Join one more reading of a conversation, held for ``delay``.

        Most logs tell when a chat began. So the delay counts from the reading's own time only where that is later
        than all that was known before, and else from ``now``.
        """
        name = given["conversation_id"]
        try:
            if (before := self.rows.get(name)) is None:  # it is about to be deleted
                raise ConflictError
            after = grown(before, given)
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
        began, time = before["timestamp"], given["timestamp"]
        went_on = began is not None and time is not None and began < time
        until = held_until(time if went_on else None, now, delay)
        if until <= self.share_at[name]:
            until = now + delay
        self.share_at[name] = max(self.share_at[name], until)
        if _first_prompt(before) != _first_prompt(after):
            self.reprompted.add(name)


def held_until(time: datetime | None, now: datetime, delay: timedelta) -> datetime:
    """Return until when a log is held. None is from the future: a wrong clock must not hold it for ever."""
    return min(time or now, now) + delay


def grown(stored: Row, given: Row) -> Row:
    """Return what two readings of one conversation say together; ``stored`` itself where nothing is new.

    A message that both have must be the same in both. Placeholders are numbered anew for every reading, so they may
    differ in their numbers: in new messages they get those of the stored ones where a message that both have shows
    which is which, and else new ones, because nobody can tell whether they stand for the same.

    Args:
        stored: a row with the columns of ``parts.SCHEMA``.
        given: another one with the same id. Its messages may be a fragment, without the beginning of the tree.

    Returns:
        A row; the computed columns (``files.COMPUTED``, languages, flags) have to be computed again for the whole
        conversation.

    Raises:
        ForeignError: giver, source or licence are known of both and differ.
        ConflictError: a message differs, or there would be two beginnings.
        BeginningMissingError: a new message hangs on none that is there.
    """
    if any(stored[name] and given[name] and stored[name] != given[name] for name in _OF_ONE):
        raise ForeignError
    there = {message["id"]: message for message in stored["conversation"]}
    both = [(there[each["id"]], each) for each in given["conversation"] if each["id"] in there]
    if any(_differ(one, other) for one, other in both):
        raise ConflictError
    new = [message for message in given["conversation"] if message["id"] not in there]
    if not new:
        return stored
    renumbered = _renumbering(stored, given, both)
    new = [{**message, "content": renumbered(message["content"])} for message in new]
    about = renumbered(given["conversation_metadata"])
    return {
        **stored,
        **{name: stored[name] or given[name] for name in _OF_ONE},
        **_of_the_earliest(stored, given),
        "conversation": _ordered([*there.values(), *new]),
        "user_metadata": _united(stored["user_metadata"], given["user_metadata"]),
        "conversation_metadata": _united(stored["conversation_metadata"], about),
        "earlier_hashes": sorted(
            {
                *(stored["earlier_hashes"] or ()),
                *(given["earlier_hashes"] or ()),
                *filter(
                    None, (stored["content_hash"], given["content_hash"])
                ),  # an older workbench kept none
            }
        ),
    }


def _differ(one: Row, other: Row) -> bool:
    return any(one[name] != other[name] for name in _SAID) or (
        one["content"] != other["content"] and _unnumbered(one["content"]) != _unnumbered(other["content"])
    )


def _unnumbered(content: str) -> list[str]:
    """Return what a text consists of: plain text and kinds of placeholders in turn."""
    parts = PLACEHOLDER.split(content)
    del parts[2::3]  # the numbers
    return parts


def _renumbering(stored: Row, given: Row, both: Iterable[tuple[Row, Row]]) -> Callable[[str], str]:
    """Return what gives placeholders of the other reading the numbers that they have, or get, in the stored one."""
    pairs = [(ours["content"], theirs["content"]) for ours, theirs in both]
    about = stored["conversation_metadata"], given["conversation_metadata"]
    if _unnumbered(about[0]) == _unnumbered(about[1]):
        pairs.append(about)
    names: dict[str, str] = {}
    for ours, theirs in pairs:
        for one, other in zip(PLACEHOLDER.finditer(ours), PLACEHOLDER.finditer(theirs), strict=True):
            names.setdefault(other[0], one[0])
    taken = {
        found[0]
        for text in (*(message["content"] for message in stored["conversation"]), about[0])
        for found in PLACEHOLDER.finditer(text)
    }

    def renamed(found: re.Match[str]) -> str:
        if found[0] not in names:
            free = (f"[{found[1]}_{number}]" for number in count(1))
            names[found[0]] = (
                found[0] if found[0] not in taken else next(it for it in free if it not in taken)
            )
            taken.add(names[found[0]])
        return names[found[0]]

    return lambda text: PLACEHOLDER.sub(renamed, text)


def _ordered(messages: list[Row]) -> list[Row]:
    if sum(message["parent_id"] is None for message in messages) != 1:
        raise ConflictError
    by_id = {message["id"]: message for message in messages}
    order = tree_order(Message(each["id"], each["parent_id"], Role(each["role"]), "") for each in messages)
    if len(order) < len(messages):
        raise BeginningMissingError
    return [by_id[message.id] for message in order]


def _of_the_earliest(stored: Row, given: Row) -> Row:
    """Return what the earlier reading says; of two of one time, the first by the alphabet. A fragment comes last."""
    places = [
        (all(it["parent_id"] for it in row["conversation"]), row["timestamp"] is None, row["timestamp"])
        for row in (stored, given)
    ]
    if places[0] != places[1]:
        stored = given = stored if places[0] < places[1] else given
    return {
        name: min((row[name] for row in (stored, given) if row[name] is not None), default=None)
        for name in ("timestamp", "model_name", "language")
    }


def _united(one: str, other: str) -> str:
    """Return two JSON objects as one."""
    return (
        one if one == other else json.dumps(_either(json.loads(one), json.loads(other)), ensure_ascii=False)
    )


def _either(one: Any, other: Any) -> Any:
    """Return two JSON values as one: what either holds to be so, is; of what cannot be united, the longer stays."""
    if isinstance(one, bool) and isinstance(other, bool):
        return one or other
    if isinstance(one, dict) and isinstance(other, dict):
        there = {**one, **other}
        both = one.keys() & other.keys()
        return {key: _either(one[key], other[key]) if key in both else there[key] for key in sorted(there)}
    if isinstance(one, list) and isinstance(other, list):
        if all(isinstance(it, str) for it in (*one, *other)):
            return sorted({*one, *other})
        shared = [_either(*each) for each in zip(one, other, strict=False)]  # labels, one a message
        return shared + max(one, other, key=len)[len(shared) :]
    return max(one, other, key=lambda value: (len(said := json.dumps(value, sort_keys=True)), said))


def _first_prompt(row: Row) -> str | None:
    return next((it["content"] for it in row["conversation"] if it["role"] == Role.USER.value), None)
