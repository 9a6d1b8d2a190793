"""Which flags keep texts from annotators: rules by flag, for whole conversations and for single messages."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from task_generators.chat_logs.curation.flags import Flag
from workspaces.config.generation import ATTACHMENT
from workspaces.records import Role

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

_COLUMNS = ("id", "parent_id", "role", "flags", "tool_calls", "attachments")


class FlagRules:
    """The flags that a lead skips, and those that tasks show on purpose."""

    def __init__(self, rules: Sequence[str], opened: Collection[str] = ()) -> None:
        """Args: ``rules``: the flags to skip (``select.skip_flags``); ``opened``: those of them shown on purpose."""
        self._rules = rules
        self._opened = opened

    def skips(self, flag: str) -> str | None:
        """Return the rule that skips a flag: its own name, or ``moderation`` for all categories; None if none does."""
        return next((rule for rule in self._rules if is_under(flag, rule)), None)

    def first(self, flags: Collection[str]) -> str | None:
        """Return the first rule that skips what has these flags together; flags that are opened skip nothing.

        What is flagged in categories is opened by all of them, too: ``moderation`` then says no more than they do.
        """
        closed = {flag for flag in flags if not any(is_under(flag, rule) for rule in self._opened)}
        categories = {flag for flag in flags if flag.startswith(f"{Flag.MODERATION}:")}
        if categories and closed.isdisjoint(categories):
            closed.discard(Flag.MODERATION)
        return min(filter(None, map(self.skips, closed)), key=self._rules.index, default=None)

    def withheld(
        self,
        flags: Iterable[str],
        messages: Sequence[Mapping[str, Any]],
        moderated: Mapping[str, AbstractSet[str]],
    ) -> tuple[str | None, dict[str, str]]:
        """Return the flag that omits a whole conversation, or which of its messages no task may show.

        A flag of no message is one of the conversation. A flagged message is withheld with all that follows it; if
        that leaves no answer, the conversation is omitted.

        Args:
            flags: those of the conversation and of its messages.
            messages: as ``messages_at`` returns them, parents first.
            moderated: the categories of the messages that a moderation endpoint flagged.

        Returns:
            The flag that omits it, or None; the withheld messages, each answer with its flag, any other with ``""``.
        """
        flags_of = {
            message["id"]: [
                *(message["flags"] or ()),
                *((ATTACHMENT,) if message["attachments"] else ()),
                *moderation_flags(moderated.get(message["id"])),
            ]
            for message in messages
        }
        if reason := self.first(set(flags).difference(*flags_of.values())):
            return reason, {}
        withheld: dict[str, str] = {}
        for message in messages:
            if flag := withheld.get(message["parent_id"]) or self.first(flags_of[message["id"]]):
                withheld[message["id"]] = flag
        answers = {
            message["id"]
            for message in messages
            if message["role"] == Role.ASSISTANT.value and not message["tool_calls"]
        }
        if withheld and answers <= withheld.keys():
            return self.first(withheld.values()), {}
        return None, {
            message_id: flag if message_id in answers else "" for message_id, flag in withheld.items()
        }


def is_under(flag: str, rule: str) -> bool:
    """Return whether a rule names a flag: by its own name, or as ``moderation``, which names all categories."""
    flag = _plain(flag)
    return flag == _plain(rule) or (rule == Flag.MODERATION.value and flag.startswith(f"{rule}:"))


def _plain(flag: str) -> str:
    """Return a flag as log readers write it; endpoints write ``hate/threatening`` and ``self-harm``."""
    return flag.replace("/", "_").replace("-", "_")


def moderation_flags(categories: AbstractSet[str] | None) -> list[str]:
    """Return the flags of an endpoint's categories; None means that it did not flag the message."""
    if categories is None:
        return []
    return [f"{Flag.MODERATION}:{category}" for category in categories] or [Flag.MODERATION.value]


def messages_at(conversations: pa.ListArray, place: int) -> list[dict[str, Any]]:
    """Return the messages of one conversation, without their texts: what rules of flags are applied to."""
    start, end = conversations.offsets[place].as_py(), conversations.offsets[place + 1].as_py()
    messages = conversations.values.slice(start, end - start)
    columns = [messages.field(name).to_pylist() for name in _COLUMNS]
    return [dict(zip(_COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]


def with_attachments(conversations: pa.ListArray) -> frozenset[int]:
    """Return the positions of the conversations in which some message has an attachment."""
    attachments = conversations.flatten().field("attachments")
    if attachments.null_count == len(attachments):
        return frozenset()
    counts = pc.fill_null(pc.list_value_length(attachments), 0).to_pylist()
    offsets = conversations.offsets.to_pylist()
    spans = enumerate(pairwise(offset - offsets[0] for offset in offsets))
    return frozenset(index for index, (start, end) in spans if any(counts[start:end]))
