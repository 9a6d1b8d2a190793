"""The messages of conversations as columns, for responses whose way from the root is text alone."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from exports.arrays import NOWHERE, codes_of, flags_of, lists_of, one_array, places_of, ranges, rows_at
from exports.canonical import joined, quoted
from exports.context import TOOLS
from workspaces.records import Role

if TYPE_CHECKING:
    from exports.arrays import Flags, Numbers

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What ``str.strip`` takes away; the last one is the blank of Chinese and Japanese, U+3000."""
BESIDE_TEXT = ("attachments", "tool_calls")
"""What makes a message more than a text, as lists."""
NAMED = ("tool_call_id", "tool_name", "generated")
"""The same, as values."""


class Messages:
    """The messages of all conversations of a table, by their row.

    Args:
        conversations: with the columns of ``workspaces.collection.files.CONVERSATION``.
    """

    def __init__(self, conversations: pa.Table) -> None:
        chats = one_array(conversations.column("conversation"))
        starts = np.asarray(chats.offsets, np.int64)
        self._messages: pa.StructArray = chats.flatten()
        self.of_chat: Numbers = np.repeat(np.arange(len(chats)), np.diff(starts))
        """The row of the conversation of each message."""
        self.ids: pa.StringArray = self._messages.field("id")
        self.contents: pa.StringArray = self._messages.field("content")
        self.models: pa.StringArray = self._messages.field("model_name")
        codes, roles = codes_of(self._messages.field("role"))
        known = {role: number for number, role in enumerate(Role)}
        self.roles: Numbers = np.array([known[role] for role in roles], np.int64)[codes]
        """The role of each message, by its number in ``Role``."""

    @property
    def size(self) -> int:
        """The bytes of all texts."""
        return int(pc.sum(pc.binary_length(self.contents), min_count=0).as_py())

    @cached_property
    def parents(self) -> Numbers:
        """The row of the parent of each message; ``NOWHERE`` of a root."""
        return places_of(self._messages.field("parent_id"), self.ids)

    @cached_property
    def share_ids(self) -> Flags:
        """Which messages have the id of another: older versions kept the ids of logs (``workspaces.message_ids``)."""
        first = places_of(self.ids, self.ids)
        found: Flags = np.bincount(first)[first] > 1
        return found

    def are(self, role: Role) -> Flags:
        """Return which messages have a role."""
        found: Flags = self.roles == list(Role).index(role)
        return found

    @cached_property
    def are_texts(self) -> Flags:
        """Which messages hold nothing beside text, were not generated and are no result of a tool."""
        more = self.are(Role.TOOL)
        for name in (*BESIDE_TEXT, *NAMED):
            if self._messages.type.get_field_index(name) < 0:  # a file of an older version
                continue
            column = self._messages.field(name)
            if column.null_count == len(column):
                continue
            held = column.is_valid() if name in NAMED else pc.greater(pc.list_value_length(column), 0)
            more |= flags_of(held)
        return ~more

    @cached_property
    def stripped(self) -> pa.StringArray:
        """The texts without white space around them."""
        return pc.utf8_trim(self.contents, characters=WHITE_SPACE)

    @cached_property
    def are_empty(self) -> Flags:
        """Which messages have no text but white space."""
        found: Flags = np.asarray(pc.binary_length(self.stripped), np.int64) == 0
        return found

    def ways(self, rows: Numbers) -> Ways:
        """Return the ways from the roots down to messages, with both."""
        ways, steps = np.arange(len(rows)), []
        while len(rows):  # of the ways that are not at their root yet: one long way makes no other long
            steps.append((ways, rows))
            before = self.parents[rows]
            ways, rows = ways[before != NOWHERE], before[before != NOWHERE]
        if not steps:
            return Ways(rows, ways)
        of, found = (np.concatenate(some) for some in zip(*steps[::-1], strict=True))
        return Ways(found[np.argsort(of, kind="stable")], np.bincount(of))


class Ways:
    """Ways through messages: their rows, one way behind the other, and how long each is."""

    def __init__(self, rows: Numbers, lengths: Numbers) -> None:
        self.rows, self.lengths = rows, lengths

    def at(self, places: Numbers) -> Ways:
        """Return the ways at these places."""
        lengths = self.lengths[places]
        starts = np.cumsum(self.lengths) - self.lengths
        return Ways(self.rows[ranges(starts[places], lengths)], lengths)

    def on_to(self, rows: Numbers) -> Ways:
        """Return each way with one more message behind it."""
        lengths = self.lengths + 1
        last = np.cumsum(lengths) - 1
        found = np.empty(int(lengths.sum()), np.int64)
        before = np.ones(len(found), np.bool_)
        before[last] = False
        found[before], found[last] = self.rows, rows
        return Ways(found, lengths)

    def alternate(self, messages: Messages) -> Flags:
        """Return which alternate from user to assistant, after a system turn if any, and end with a user."""
        last = np.cumsum(self.lengths)
        first = last - self.lengths
        begins = messages.are(Role.SYSTEM)[self.rows[first]].astype(np.int64)
        places = np.arange(len(self.rows)) - np.repeat(first + begins, self.lengths)
        of_user, of_assistant = (messages.are(role)[self.rows] for role in (Role.USER, Role.ASSISTANT))
        fit = np.where(places % 2 == 0, of_user, of_assistant) | (places < 0)
        found: Flags = ((self.lengths - begins) % 2 == 1) & np.logical_and.reduceat(fit, first)
        return found

    def characters(self, of_row: Numbers) -> Numbers:
        """Return the sum over each way of a number of each message."""
        ends = np.concatenate([[0], np.cumsum(of_row[self.rows])])
        last = np.cumsum(self.lengths)
        found: Numbers = ends[last] - ends[last - self.lengths]
        return found

    def canonical(self, messages: Messages) -> pa.StringArray:
        """Return each as ``exports.context.canonical`` writes the prompt that it is."""
        used, places = np.unique(self.rows, return_inverse=True)
        roles = rows_at(pa.array([f'["{role}",' for role in Role], pa.string()), messages.roles[used])
        turns = joined(roles, quoted(rows_at(messages.contents, used)), "]")
        return joined("[", pc.binary_join(lists_of(rows_at(turns, places), self.lengths), ","), "]")


def names_tools(conversations: pa.Table) -> Flags:
    """Return which conversations may name tools; none that does is missed."""
    return flags_of(
        pc.match_substring(one_array(conversations.column("conversation_metadata")), f'"{TOOLS}"')
    )
