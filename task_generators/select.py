"""Selects the conversations that tasks are made of, by what hygiene says of them.

Nothing that harms an annotator or wastes their time: no flagged message in view, one of several near copies, and no
prompt again and again. A selection depends on what the collection holds and which conversations have tasks already,
never on the order in which they came. One that has tasks and is no longer shared, or left out by now, stays the one
that is taken of its near copies; towards the bound of its prompt it does not count, as nobody reads its prompt.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from task_generators.chat_logs.curation.flags import Flag
from workspaces.collection.statistics import UNDETERMINED
from workspaces.records import Role, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from workspaces.config import SelectConfig
    from workspaces.records import Conversation, Task

COLUMNS = ("conversation", "model_name", "flags", "detected_language", "language")
"""Of the collection, that a ``Selector`` looks at beside the ids."""

LANGUAGE = "language"
CHALLENGE = "challenge"
NOT_SCORED = "no challenge score"
NEAR_DUPLICATE = "near duplicate"
REPEATED_PROMPT = "repeated prompt"

FREE_PROMPTS = 10
"""The fewest prompts that may be repeated more than the bound says."""

LEAST_BOUND = 10
"""The fewest conversations that any prompt may have."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store says of conversations: the group of each near duplicate, challenge scores, the categories of
    each message that a moderation endpoint flagged (by conversation), and which conversations have tasks.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    scores: Mapping[str, int] = field(default_factory=dict)
    moderated: Mapping[str, Mapping[str, AbstractSet[str]]] = field(default_factory=dict)
    in_use: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Selection:
    """``taken`` are the ids of the conversations that tasks may be made of; ``left_out`` maps the others that were
    looked at to the first reason why not. ``withheld`` are messages of those taken that no task may show: what
    carries a flag, and what follows it. ``answers_left_out`` counts the answers among them by flag.
    """

    taken: AbstractSet[str]
    left_out: Mapping[str, str]
    withheld: Mapping[str, AbstractSet[str]]
    answers_left_out: Mapping[str, int]

    def reasons(self) -> dict[str, int]:
        """Return how many conversations are left out for each reason, the most frequent first."""
        return largest_first(Counter(self.left_out.values()))

    def shown(self, conversation: Conversation) -> Conversation:
        """Return what tasks may show of a conversation that is taken."""
        withheld = self.withheld.get(conversation.id)
        if not withheld:
            return conversation
        kept = tuple(message for message in conversation.messages if message.id not in withheld)
        return replace(conversation, messages=kept)

    def takes(self, task: Task) -> bool:
        """Tell whether everything that a task shows would be taken today: shared, and not left out."""
        return all(
            name in self.taken and message not in self.withheld.get(name, ())
            for name, message in zip(task.conversation_ids, task.message_ids, strict=True)
        )


class Selector:
    """Looks at every shared conversation once, a batch at a time, and keeps no text."""

    def __init__(self, rules: SelectConfig, known: Known, *, trivial: bool = False) -> None:
        """Args: ``trivial``: whether empty answers are asked about on purpose (``mix.trivial``)."""
        self._rules = rules
        self._known = known
        self._skipped = [it for it in rules.skip_flags if not (trivial and it == Flag.EMPTY.value)]
        self._languages = {language.casefold() for language in rules.languages}
        self._left_out: dict[str, str] = {}
        self._prompts: dict[str, bytes] = {}
        self._models: dict[str, frozenset[str | None]] = {}
        self._withheld: dict[str, dict[str, str]] = {}

    def look(self, batch: pa.RecordBatch) -> None:
        """Take in a batch with the ids and ``COLUMNS``; no conversation may come twice."""
        names = batch.column("conversation_id").to_pylist()
        conversations = batch.column("conversation")
        languages = pc.coalesce(batch.column("detected_language"), batch.column("language")).to_pylist()
        flags = batch.column("flags").to_pylist()
        models = _models(batch)
        for index, (name, prompt) in enumerate(zip(names, _prompts(conversations), strict=True)):
            reason = None
            if name in self._known.moderated or any(map(self._skips, flags[index] or ())):
                reason = self._judge(name, flags[index] or (), conversations[index].as_py())
            reason = reason or self._unwanted(name, languages[index])
            if reason is not None:
                self._left_out[name] = reason
                continue
            self._prompts[name] = prompt
            if name in self._known.groups:
                self._models[name] = models[index]

    def selection(self) -> Selection:
        """Return what becomes of everything looked at."""
        left_out = dict(self._left_out)
        prompts = dict(self._prompts)
        rules = [(NEAR_DUPLICATE, self._copies), (REPEATED_PROMPT, self._beyond_the_bound)]
        for reason, rule in rules:
            for name in rule(prompts):
                del prompts[name]
                left_out[name] = reason
        withheld = {name: gone for name, gone in self._withheld.items() if name in prompts}
        return Selection(
            taken=frozenset(prompts),
            left_out=left_out,
            withheld={name: frozenset(gone) for name, gone in withheld.items()},
            answers_left_out=largest_first(
                Counter(flag for gone in withheld.values() for flag in gone.values() if flag)
            ),
        )

    def _skips(self, flag: str) -> str | None:
        """Return the rule by which a flag is skipped: its own name, or ``moderation`` for all its categories."""
        flag = _plain(flag)
        for rule in self._skipped:
            if flag == _plain(rule) or (rule == Flag.MODERATION.value and flag.startswith(f"{rule}:")):
                return rule
        return None

    def _first(self, flags: Iterable[str]) -> str | None:
        return min(filter(None, map(self._skips, flags)), key=self._skipped.index, default=None)

    def _judge(self, name: str, flags: Iterable[str], messages: list[dict[str, Any]]) -> str | None:
        """Return the flag that takes out a whole conversation; or note which of its messages no task may show.

        A flag of no message is one of the conversation. A flagged message takes itself out and what follows it,
        and the conversation when no answer is left.
        """
        asked = self._known.moderated.get(name, {})
        own = {it["id"]: [*(it["flags"] or ()), *_named(asked.get(it["id"]))] for it in messages}
        if reason := self._first(set(flags).difference(*own.values())):
            return reason
        gone: dict[str, str] = {}
        for message in messages:
            if flag := gone.get(message["parent_id"]) or self._first(own[message["id"]]):
                gone[message["id"]] = flag
        answers = {it["id"] for it in messages if it["role"] == Role.ASSISTANT.value}
        if gone and answers <= gone.keys():
            return self._first(gone.values())
        if gone:
            self._withheld[name] = {it: flag if it in answers else "" for it, flag in gone.items()}
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

        Beside it stand those in which other models answer the very same prompts: after a long prompt short answers
        make near duplicates, and to compare them is what preference tasks are for.

        Where one has tasks that is not among ``prompts`` (private, held again, left out by now), that work is given
        out already: of the others only those stay that have tasks themselves.
        """
        if self._rules.near_duplicates == "all":
            return []
        groups: dict[str, list[str]] = defaultdict(list)
        for name, group in self._known.groups.items():
            if name in prompts:
                groups[group].append(name)
        in_use = self._known.in_use
        elsewhere = {self._known.groups.get(name) for name in in_use if name not in prompts}
        copies = []
        for group, members in groups.items():
            if group in elsewhere:
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
        """Return what is too much of a prompt; what has tasks already is kept first, then by lot."""
        if self._rules.repeated_prompts is None:
            return []
        counts = Counter(prompts.values())
        most = bound(counts.values(), self._rules.repeated_prompts)
        repeated: dict[bytes, list[str]] = defaultdict(list)
        for name, prompt in prompts.items():
            if counts[prompt] > most:
                repeated[prompt].append(name)
        return [name for each in repeated.values() for name in sorted(each, key=self._lot)[most:]]

    def _rank(self, name: str) -> tuple[bool, str]:
        return (name not in self._known.in_use, name)

    def _lot(self, name: str) -> tuple[bool, str]:
        return (name not in self._known.in_use, stable_id("repeated prompt", name))


def bound(counts: Iterable[int], quantile: float) -> int:
    """Return how many conversations one prompt may have: the count at a quantile of those of all different prompts.

    In a small collection that quantile is the most repeated prompt itself, which would bound nothing. So at least
    ``FREE_PROMPTS`` prompts lie beyond it (of fewer prompts than that, the least repeated one bounds), and the
    bound is never below ``LEAST_BOUND``.

    Args:
        counts: conversations of each different prompt.
        quantile: above 0, below 1.

    Source: FastChat, serve/monitor/deduplication.py, which samples down what lies beyond the 0.9999 quantile of
    all that people said in a conversation (there interpolated; here a count that occurs).
    """
    ranked = sorted(counts, reverse=True)
    if not ranked:
        return LEAST_BOUND
    beyond = max(FREE_PROMPTS, round((1 - quantile) * len(ranked)))
    return max(LEAST_BOUND, ranked[min(beyond, len(ranked) - 1)])


def largest_first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts, the largest first and equal ones by name."""
    return dict(sorted(counts.items(), key=lambda it: (-it[1], it[0])))


def _plain(flag: str) -> str:
    """Return a flag as readers of logs write it; endpoints write ``hate/threatening`` and ``self-harm``."""
    return flag.replace("/", "_").replace("-", "_")


def _named(categories: AbstractSet[str] | None) -> list[str]:
    """Return the flags that an endpoint's categories stand for; None: it did not flag this message."""
    if categories is None:
        return []
    return [f"{Flag.MODERATION}:{category}" for category in categories] or [Flag.MODERATION.value]


def _models(batch: pa.RecordBatch) -> list[frozenset[str | None]]:
    """Return the models of each conversation: those of its messages, or of the whole where they name none."""
    conversations = batch.column("conversation")
    of_messages = conversations.flatten().field("model_name").to_pylist()
    offsets = conversations.offsets.to_pylist()
    spans = pairwise(offset - offsets[0] for offset in offsets)
    return [
        frozenset(filter(None, of_messages[start:end])) or frozenset((whole,))
        for (start, end), whole in zip(spans, batch.column("model_name").to_pylist(), strict=True)
    ]


def _prompts(conversations: pa.ListArray) -> list[bytes]:
    """Return a hash of all that people say in each conversation."""
    messages = conversations.flatten()
    by_people = pc.starts_with(messages.field("role"), pattern=Role.USER.value)
    speaks, offsets = by_people.to_pylist(), conversations.offsets.to_pylist()
    contents = iter(messages.field("content").filter(by_people).to_pylist())
    hashes = []
    for start, end in pairwise(offset - offsets[0] for offset in offsets):
        said = "".join(f"{content}\x1f" for content in islice(contents, sum(speaks[start:end])))
        hashes.append(blake2b(said.encode(), digest_size=8).digest())
    return hashes
