"""Selects the conversations that tasks are made of, by their flags, labels, scores and near duplicates.

A selection spares annotators harm and wasted time: it shows no flagged message, takes one of several near copies, and
bounds how often a prompt is repeated. It depends on the content of the collection and on which conversations have
tasks already, never on the order in which conversations came. A conversation that has tasks, but is no longer shared
or is omitted now, still represents its near copies; it does not count towards the bound of its prompt, because nobody
reads its prompt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from task_generators.chat_logs.curation.flags import Flag
from workspaces.collection.message_columns import logged
from workspaces.collection.statistics import UNDETERMINED
from workspaces.config.generation import ATTACHMENT
from workspaces.records import Role, stable_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from workspaces.config import SelectConfig
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


@dataclass(frozen=True, slots=True)
class Selection:
    """The conversations that tasks may be made of.

    ``taken`` are their ids; ``omissions`` maps every other conversation to the first reason. ``withheld`` maps taken
    conversations to the messages that no task may show: flagged ones and all that follow them. ``omitted_answers``
    counts the answers among these by flag.
    """

    taken: AbstractSet[str]
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
        self._opened = opened
        self._known = known
        self._skipped = [flag for flag in rules.skip_flags if not (trivial and flag == Flag.EMPTY.value)]
        self._languages = {language.casefold() for language in rules.languages}
        self._omissions: dict[str, str] = {}
        self._prompts: dict[str, bytes] = {}
        self._models: dict[str, frozenset[str | None]] = {}
        self._withheld: dict[str, dict[str, str]] = {}

    def look(self, batch: pa.RecordBatch) -> None:
        """Read a batch with the ids and ``COLUMNS``; no conversation may come twice."""
        names = batch.column("conversation_id").to_pylist()
        conversations = batch.column("conversation")
        languages = pc.coalesce(batch.column("detected_language"), batch.column("language")).to_pylist()
        flags = batch.column("flags").to_pylist()
        models = _models(batch)
        attached = _with_attachments(conversations) if ATTACHMENT in self._skipped else frozenset()
        for index, (name, prompt) in enumerate(zip(names, _prompts(conversations), strict=True)):
            reason = None
            flagged = any(map(self._skips, flags[index] or ()))
            if flagged or index in attached or name in self._known.moderated:
                reason = self._withhold(name, flags[index] or (), conversations[index].as_py())
            reason = reason or self._unwanted(name, languages[index])
            if reason is not None:
                self._omissions[name] = reason
                continue
            self._prompts[name] = prompt
            if name in self._known.groups:
                self._models[name] = models[index]

    def selection(self) -> Selection:
        """Return the selection of all conversations read so far."""
        omissions = dict(self._omissions)
        prompts = dict(self._prompts)
        rules = [(NEAR_DUPLICATE, self._copies), (REPEATED_PROMPT, self._beyond_the_bound)]
        for reason, rule in rules:
            for name in rule(prompts):
                del prompts[name]
                omissions[name] = reason
        withheld = {name: flag_of for name, flag_of in self._withheld.items() if name in prompts}
        return Selection(
            taken=frozenset(prompts),
            omissions=omissions,
            withheld={name: frozenset(flag_of) for name, flag_of in withheld.items()},
            omitted_answers=largest_first(
                Counter(flag for flag_of in withheld.values() for flag in flag_of.values() if flag)
            ),
        )

    def _skips(self, flag: str) -> str | None:
        """Return the rule that skips a flag: its own name, or ``moderation`` for all categories; None if none does."""
        return next((rule for rule in self._skipped if _is_under(flag, rule)), None)

    def _first(self, flags: Collection[str]) -> str | None:
        """Return the first rule that skips what has these flags together; flags that are opened skip nothing.

        What is flagged in categories is opened by all of them, too: ``moderation`` then says no more than they do.
        """
        closed = {flag for flag in flags if not any(_is_under(flag, rule) for rule in self._opened)}
        categories = {flag for flag in flags if flag.startswith(f"{Flag.MODERATION}:")}
        if categories and closed.isdisjoint(categories):
            closed.discard(Flag.MODERATION)
        return min(filter(None, map(self._skips, closed)), key=self._skipped.index, default=None)

    def _withhold(self, name: str, flags: Iterable[str], messages: list[dict[str, Any]]) -> str | None:
        """Return the flag that omits a whole conversation; or note which of its messages no task may show.

        A flag of no message is one of the conversation. A flagged message is withheld with all that follows it; if
        that leaves no answer, the conversation is omitted.
        """
        moderated = self._known.moderated.get(name, {})
        flags_of = {
            message["id"]: [
                *(message["flags"] or ()),
                *((ATTACHMENT,) if message["attachments"] else ()),
                *_moderation_flags(moderated.get(message["id"])),
            ]
            for message in messages
        }
        if reason := self._first(set(flags).difference(*flags_of.values())):
            return reason
        withheld: dict[str, str] = {}
        for message in messages:
            if flag := withheld.get(message["parent_id"]) or self._first(flags_of[message["id"]]):
                withheld[message["id"]] = flag
        answers = {
            message["id"]
            for message in messages
            if message["role"] == Role.ASSISTANT.value and not message["tool_calls"]
        }
        if withheld and answers <= withheld.keys():
            return self._first(withheld.values())
        if withheld:
            self._withheld[name] = {
                message_id: flag if message_id in answers else "" for message_id, flag in withheld.items()
            }
        return None

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

    def _copies(self, prompts: Mapping[str, bytes]) -> list[str]:
        """Return all but one conversation of each group: the one kept has tasks already, or the smallest id.

        Conversations in which other models answer exactly the same prompts are kept beside it: short answers to a
        long prompt make near duplicates, and to compare them is the purpose of preference tasks.

        If a conversation that is not in ``prompts`` (private, held again, omitted now) has tasks, it represents the
        group: of the others only those are kept that have tasks themselves.
        """
        if self._rules.near_duplicates == "all":
            return []
        groups: dict[str, list[str]] = defaultdict(list)
        for name, group in self._known.groups.items():
            if name in prompts:
                groups[group].append(name)
        in_use = self._known.in_use
        represented = {self._known.groups.get(name) for name in in_use if name not in prompts}
        copies = []
        for group, members in groups.items():
            if group in represented:
                copies += [name for name in members if name not in in_use]
                members = [name for name in members if name in in_use]
            members.sort(key=self._rank)
            kept: set[frozenset[str | None]] = set()
            for name in members:
                if prompts[name] != prompts[members[0]] or self._models[name] in kept:
                    copies.append(name)
                else:
                    kept.add(self._models[name])
        return copies

    def _beyond_the_bound(self, prompts: Mapping[str, bytes]) -> list[str]:
        """Return the conversations beyond the bound of their prompt; those with tasks are kept first, then by lot."""
        if self._rules.repeated_prompts is None:
            return []
        counts = Counter(prompts.values())
        most = bound(counts.values(), self._rules.repeated_prompts)
        repeated: dict[bytes, list[str]] = defaultdict(list)
        for name, prompt in prompts.items():
            if counts[prompt] > most:
                repeated[prompt].append(name)
        return [name for names in repeated.values() for name in sorted(names, key=self._lot)[most:]]

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


def _is_under(flag: str, rule: str) -> bool:
    """Return whether a rule names a flag: by its own name, or as ``moderation``, which names all categories."""
    flag = _plain(flag)
    return flag == _plain(rule) or (rule == Flag.MODERATION.value and flag.startswith(f"{rule}:"))


def _plain(flag: str) -> str:
    """Return a flag as log readers write it; endpoints write ``hate/threatening`` and ``self-harm``."""
    return flag.replace("/", "_").replace("-", "_")


def _moderation_flags(categories: AbstractSet[str] | None) -> list[str]:
    """Return the flags of an endpoint's categories; None means that it did not flag the message."""
    if categories is None:
        return []
    return [f"{Flag.MODERATION}:{category}" for category in categories] or [Flag.MODERATION.value]


def _models(batch: pa.RecordBatch) -> list[frozenset[str | None]]:
    """Return the models of each conversation: those of its log's messages, or of the conversation if they name none."""
    conversations = batch.column("conversation")
    messages = conversations.flatten()
    of_messages = [
        model if of_log else None
        for model, of_log in zip(messages.field("model_name").to_pylist(), logged(messages), strict=True)
    ]
    offsets = conversations.offsets.to_pylist()
    spans = pairwise(offset - offsets[0] for offset in offsets)
    return [
        frozenset(filter(None, of_messages[start:end])) or frozenset((of_conversation,))
        for (start, end), of_conversation in zip(spans, batch.column("model_name").to_pylist(), strict=True)
    ]


def _with_attachments(conversations: pa.ListArray) -> frozenset[int]:
    """Return the positions of the conversations in which some message has an attachment."""
    messages = conversations.flatten()
    counts = pc.fill_null(pc.list_value_length(messages.field("attachments")), 0).to_pylist()
    offsets = conversations.offsets.to_pylist()
    spans = enumerate(pairwise(offset - offsets[0] for offset in offsets))
    return frozenset(index for index, (start, end) in spans if any(counts[start:end]))


def _prompts(conversations: pa.ListArray) -> list[bytes]:
    """Return a hash of all that people write in each conversation."""
    messages = conversations.flatten()
    by_people = pc.starts_with(messages.field("role"), pattern=Role.USER.value)
    speaks, offsets = by_people.to_pylist(), conversations.offsets.to_pylist()
    contents = iter(messages.field("content").filter(by_people).to_pylist())
    hashes = []
    for start, end in pairwise(offset - offsets[0] for offset in offsets):
        prompts = "".join(f"{content}\x1f" for content in islice(contents, sum(speaks[start:end])))
        hashes.append(blake2b(prompts.encode(), digest_size=8).digest())
    return hashes
