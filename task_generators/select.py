"""Selects the conversations that tasks are made of, by their flags, labels, scores and near duplicates.

A selection spares annotators harm and wasted time: it shows no flagged message, takes one of several near copies, and
bounds how often a prompt is repeated. It depends on the content of the collection and on which conversations have
tasks already, never on the order in which conversations came. A conversation that has tasks, but is no longer shared
or is omitted now, still represents its near copies; it does not count towards the bound of its prompt, because nobody
reads its prompt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from task_generators.chat_logs.curation.flags import Flag
from task_generators.flag_rules import FlagRules, messages_at, with_attachments
from task_generators.outlines import bools, gathered, integers, strings_at
from workspaces.collection.message_columns import logged
from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.generation import ATTACHMENT
from workspaces.keys import KeyIndex, keys_of
from workspaces.records import Role, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from workspaces.config import SelectConfig
    from workspaces.keys import Keys
    from workspaces.records import Conversation, Task

COLUMNS = ("conversation", "model_name", "flags", "detected_language", "language")
"""The columns of the collection that a ``Selector`` reads in addition to the ids."""

LANGUAGE = "language"
CHALLENGE = "challenge"
NOT_SCORED = "no challenge score"
NEAR_DUPLICATE = "near duplicate"
REPEATED_PROMPT = "repeated prompt"

FREE_PROMPTS = 10
"""The smallest number of prompts that lie beyond the bound."""

LEAST_BOUND = 10
"""The lowest bound on the conversations of a prompt."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows about conversations.

    ``groups`` maps near duplicates to their group, ``scores`` conversations to challenge scores, ``moderated``
    conversations to the messages that a moderation endpoint flagged and their categories. ``in_use`` are the
    conversations that have tasks.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    moderated: Mapping[str, Mapping[str, AbstractSet[str]]] = field(default_factory=dict)
    in_use: AbstractSet[str] = frozenset()


class Names(Set[str]):
    """Some of the names of a column, told by a mask over its rows."""

    def __init__(self, names: pa.ChunkedArray, index: KeyIndex, mask: NDArray[np.bool_]) -> None:
        self._names = names
        self.index = index
        self.mask = mask

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Return all of some names."""
        column = pa.chunked_array([pa.array(list(names), pa.string())])
        return cls(column, KeyIndex(keys_of(column.to_pylist())), np.ones(len(column), np.bool_))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (place := self.index.place(name)) >= 0 and bool(self.mask[place])

    def __iter__(self) -> Iterator[str]:
        return iter(strings_at(self._names, np.flatnonzero(self.mask)))

    def __len__(self) -> int:
        return int(self.mask.sum())


@dataclass(frozen=True, slots=True)
class Selection:
    """The conversations that tasks may be made of.

    ``taken`` are their ids, with a mask over all conversations in the order in which they were read; ``omissions`` maps
    every other conversation to the first reason. ``withheld`` maps taken conversations to the messages that no task may
    show: flagged ones and all that follow them. ``omitted_answers`` counts the answers among these by flag.
    """

    taken: Names
    omissions: Mapping[str, str]
    withheld: Mapping[str, AbstractSet[str]]
    omitted_answers: Mapping[str, int]

    def reasons(self) -> dict[str, int]:
        """Return how many conversations are omitted for each reason, the most frequent first."""
        return largest_first(Counter(self.omissions.values()))

    def shown(self, conversation: Conversation) -> Conversation:
        """Return the part of a taken conversation that tasks may show."""
        withheld = self.withheld.get(conversation.id)
        if not withheld:
            return conversation
        kept = tuple(message for message in conversation.messages if message.id not in withheld)
        return replace(conversation, messages=kept)

    def takes(self, task: Task) -> bool:
        """Return whether everything that a task shows is taken today: shared, and not omitted."""
        return all(
            name in self.taken and message not in self.withheld.get(name, ())
            for name, message in zip(task.conversation_ids, task.message_ids, strict=True)
        )


class Selector:
    """Reads every shared conversation once, a batch at a time, and keeps no text."""

    def __init__(
        self, rules: SelectConfig, known: Known, *, trivial: bool = False, opened: tuple[str, ...] = ()
    ) -> None:
        """Args: ``trivial``: whether tasks ask about empty answers on purpose (``mix.trivial``).

        ``opened`` are flags that tasks show on purpose, although ``skip_flags`` has them.
        """
        self._rules = rules
        self._known = known
        self._skipped = [flag for flag in rules.skip_flags if not (trivial and flag == Flag.EMPTY.value)]
        self._flag_rules = FlagRules(self._skipped, opened)
        self._languages = {language.casefold() for language in rules.languages}
        self._omissions: dict[str, str] = {}
        self._names: list[pa.Array] = []
        self._taken: list[NDArray[np.bool_]] = []
        self._prompts: list[Keys] = []
        self._members: dict[str, tuple[int, frozenset[str | None]]] = {}
        self._withheld: dict[str, dict[str, str]] = {}

    def look(self, batch: pa.RecordBatch) -> None:
        """Read a batch with the ids and ``COLUMNS``; no conversation may come twice."""
        ids = batch.column("conversation_id")
        names = ids.to_pylist()
        conversations = batch.column("conversation")
        prompts = _prompts(conversations)
        taken = np.ones(len(names), np.bool_)
        for index, reason in self._reasons(batch, names):
            self._omissions[names[index]] = reason
            taken[index] = False
        groups = self._known.groups
        members = [index for index, name in enumerate(names) if name in groups and taken[index]]
        if members:
            models = _models(batch, members)
            self._members.update((names[index], (prompts[index], models[index])) for index in members)
        self._names.append(ids)
        self._taken.append(taken)
        self._prompts.append(np.array(prompts, np.int64))

    def _reasons(self, batch: pa.RecordBatch, names: Sequence[str]) -> Iterator[tuple[int, str]]:
        """Yield the rows that are omitted for what they are, each with the reason; note what of others is withheld."""
        conversations = batch.column("conversation")
        flags = batch.column("flags")
        several = np.flatnonzero(integers(pc.list_value_length(flags)))
        flags_of = {row: flags[row].as_py() for row in several.tolist()}
        suspects = {row for row, some in flags_of.items() if any(map(self._flag_rules.skips, some))}
        if ATTACHMENT in self._skipped:
            suspects |= with_attachments(conversations)
        moderated = self._known.moderated
        if moderated:
            suspects |= {row for row, name in enumerate(names) if name in moderated}
        if not self._languages and self._rules.challenge is None:
            looked_at: Iterable[int] = sorted(suspects)
        else:
            looked_at = range(len(names))
        languages = pc.coalesce(batch.column("detected_language"), batch.column("language")).to_pylist()
        for row in looked_at:
            reason = None
            if row in suspects:
                reason, withheld = self._flag_rules.withheld(
                    flags_of.get(row, ()), messages_at(conversations, row), moderated.get(names[row], {})
                )
                if withheld:
                    self._withheld[names[row]] = withheld
            if reason := reason or self._unwanted(names[row], languages[row]):
                yield row, reason

    def selection(self) -> Selection:
        """Return the selection of all conversations read so far."""
        index = KeyIndex(_joined([keys_of(some.to_pylist()) for some in self._names], np.int64))
        names = gathered(self._names)
        self._names = [*names.chunks]
        taken, prompts = _joined(self._taken, np.bool_), _joined(self._prompts, np.int64)
        omissions = dict(self._omissions)
        copies = self._copies(Names(names, index, taken))
        omissions.update(dict.fromkeys(copies, NEAR_DUPLICATE))
        taken[index.places_of(copies)] = False
        beyond = self._beyond_the_bound(names, taken, prompts)
        omissions.update(dict.fromkeys(beyond, REPEATED_PROMPT))
        taken[index.places_of(beyond)] = False
        kept = Names(names, index, taken)
        withheld = {name: flag_of for name, flag_of in self._withheld.items() if name in kept}
        return Selection(
            taken=kept,
            omissions=omissions,
            withheld={name: frozenset(flag_of) for name, flag_of in withheld.items()},
            omitted_answers=largest_first(
                Counter(flag for flag_of in withheld.values() for flag in flag_of.values() if flag)
            ),
        )

    def _unwanted(self, name: str, language: str | None) -> str | None:
        if self._languages and (language or UNDETERMINED).casefold() not in self._languages:
            return LANGUAGE
        if self._rules.challenge is not None:
            score = self._known.scores.get(name)
            if score is None:
                return NOT_SCORED
            if score < self._rules.challenge:
                return CHALLENGE
        return None

    def _copies(self, taken: Names) -> list[str]:
        """Return all but one conversation of each group: the one kept has tasks already, or the smallest id.

        Conversations in which other models answer exactly the same prompts are kept beside it: short answers to a
        long prompt make near duplicates, and to compare them is the purpose of preference tasks.

        If a conversation that is not ``taken`` (private, held again, omitted now) has tasks, it represents the group:
        of the others only those are kept that have tasks themselves.
        """
        if self._rules.near_duplicates == "all":
            return []
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self._members:
            groups[self._known.groups[name]].append(name)
        in_use = self._known.in_use
        represented = {self._known.groups.get(name) for name in in_use if name not in taken}
        copies = []
        for group, members in groups.items():
            if group in represented:
                copies += [name for name in members if name not in in_use]
                members = [name for name in members if name in in_use]
            members.sort(key=self._rank)
            kept: set[frozenset[str | None]] = set()
            for name in members:
                prompt, models = self._members[name]
                if prompt != self._members[members[0]][0] or models in kept:
                    copies.append(name)
                else:
                    kept.add(models)
        return copies

    def _beyond_the_bound(self, names: pa.ChunkedArray, taken: NDArray[np.bool_], prompts: Keys) -> list[str]:
        """Return the conversations beyond the bound of their prompt; those with tasks are kept first, then by lot."""
        if self._rules.repeated_prompts is None:
            return []
        rows = np.flatnonzero(taken)
        _, which, counts = np.unique(prompts[rows], return_inverse=True, return_counts=True)
        most = bound(counts.tolist(), self._rules.repeated_prompts)
        over = counts[which] > most
        repeated: dict[int, list[str]] = defaultdict(list)
        some = strings_at(names, rows[over])
        for prompt, name in zip(which[over].tolist(), some, strict=True):
            repeated[prompt].append(name)
        return [name for same in repeated.values() for name in sorted(same, key=self._lot)[most:]]

    def _rank(self, name: str) -> tuple[bool, str]:
        return (name not in self._known.in_use, name)

    def _lot(self, name: str) -> tuple[bool, str]:
        return (name not in self._known.in_use, stable_id("repeated prompt", name))


def bound(counts: Iterable[int], quantile: float) -> int:
    """Return how many conversations one prompt may have: a quantile of the counts of all different prompts.

    In a small collection that quantile is the count of the most repeated prompt, which would bound nothing. So at
    least ``FREE_PROMPTS`` prompts lie beyond the bound (if there are fewer prompts, the least repeated one sets it),
    and the bound is never below ``LEAST_BOUND``.

    Args:
        counts: the number of conversations of each different prompt.
        quantile: above 0, below 1.

    Source: FastChat, serve/monitor/deduplication.py, which samples down conversations beyond the 0.9999 quantile of
    the counts of all that people wrote in a conversation (there interpolated; here a count that occurs).
    """
    ranked = sorted(counts, reverse=True)
    if not ranked:
        return LEAST_BOUND
    beyond = max(FREE_PROMPTS, round((1 - quantile) * len(ranked)))
    return max(LEAST_BOUND, ranked[min(beyond, len(ranked) - 1)])


def largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts, the largest first and equal ones by name."""
    return dict(sorted(counts.items(), key=lambda named_count: (-named_count[1], named_count[0])))


def _models(batch: pa.RecordBatch, rows: Iterable[int]) -> dict[int, frozenset[str | None]]:
    """Return the models of some conversations: of their log's messages, or of the conversation if they name none."""
    conversations = batch.column("conversation")
    of_messages, of_log = conversations.values.field("model_name"), logged(conversations.values)
    offsets, of_conversations = conversations.offsets.to_pylist(), batch.column("model_name")
    return {
        row: frozenset(
            name
            for name, is_logged in zip(
                of_messages.slice(start, end - start).to_pylist(), of_log[start:end], strict=True
            )
            if name and is_logged
        )
        or frozenset((of_conversations[row].as_py(),))
        for row in rows
        for start, end in [offsets[row : row + 2]]
    }


def _prompts(conversations: pa.ListArray) -> list[int]:
    """Return a hash of all that people write in each conversation."""
    messages = conversations.flatten()
    by_people = pc.starts_with(messages.field("role"), pattern=Role.USER.value)
    counts = np.add.accumulate(np.append(0, bools(by_people)), dtype=np.int64)
    offsets = integers(conversations.offsets)
    spans = counts[offsets - offsets[0]].tolist()
    contents = messages.field("content").filter(by_people).to_pylist()
    return [
        hash(contents[start] if end == start + 1 else tuple(contents[start:end]))
        for start, end in pairwise(spans)
    ]


def _joined(arrays: Sequence[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *arrays])
