"""Preference pairs from columns: comparisons that can be worked out in arrays, many thousand at once.

A comparison is plain if people were asked once which of two texts is better, and nothing else has to be known to say
what became of every answer. What is not plain, and all that belongs together with it (``group``), is left to
``exports.pairing``, which makes the same pairs of it one by one.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from exports.arrays import (
    NOWHERE,
    codes_of,
    flags_of,
    hashed,
    rows_at,
    texts_of,
)
from exports.choosing import EVERYTHING, ITEM_RULES
from exports.message_columns import Messages
from exports.omissions import Omission, OmissionReason
from exports.pair_columns import NEITHER, PairColumns, VoteColumns
from exports.plain_evidence import (
    BOTH,
    PLACE,
    STRENGTH,
    EvidenceColumns,
    PlainAnswers,
    PlainChats,
    PlainGroups,
    PlainTasks,
)
from exports.plain_rules import OF_ANSWERS, names_of_pairs, pairs_left_out
from exports.weights import Weighting
from workspaces.kinds import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from exports.arrays import Flags, Numbers
    from exports.message_columns import Ways
    from workspaces.config.exports import ExportsConfig
    from workspaces.kinds import Kind

MOST_CHARACTERS = 1 << 27
"""Of a portion: a column of text holds 2 GiB, and a text can be six times as long as JSON."""
MOST_BYTES = 1 << 31
"""Of a table that is worked at as one piece."""


@dataclass(frozen=True, slots=True)
class PlainPairs:
    """Pairs in columns, and what became of the answers and tasks that are in none of them.

    ``rest`` are the groups that were not plain; ``answers`` is the number of answers in the others, and ``people`` are
    those who gave them. ``openings`` are the digests of the openings of the pairs, and ``linked`` those of
    conversations with near duplicates, with their group, and ``first_asked`` in which order people were asked about
    these. ``tied`` is the number of tied pairs, with those that rules leave out; ``left_out`` counts these by their
    reason, and ``names`` are those of all pairs, as ``names_of`` has it.
    """

    pairs: PairColumns
    omissions: Sequence[Omission]
    rest: frozenset[int]
    answers: int
    openings: Sequence[bytes]
    linked: Sequence[tuple[bytes, str]]
    first_asked: Mapping[bytes, int]
    people: Collection[str]
    tied: int
    left_out: Mapping[str, int]
    names: Mapping[str, set[str]]


def plain_pairs(
    evidence: EvidenceColumns,
    rules: ExportsConfig = EVERYTHING,
    takes: Callable[[Ways, Messages], Flags] | None = None,
) -> PlainPairs | None:
    """Return the pairs of all that is plain, and that rules do not leave out; None if nothing is plain.

    Where ``takes`` says that a projection does not take a prompt, what belongs together with it is not plain.
    """
    if not len(evidence.tasks) or not len(evidence.conversations):
        return None
    if evidence.everybody.benchmarks is not None:  # they are looked for prompt by prompt
        return None
    if any(it.nbytes >= MOST_BYTES for it in (evidence.tasks, evidence.answers, evidence.conversations)):
        return None
    messages = Messages(evidence.conversations)
    if not 0 < messages.size <= MOST_CHARACTERS:
        return None
    chats, asked = PlainChats(evidence, messages), PlainTasks(evidence, messages)
    groups = PlainGroups(chats.groups, asked.groups)
    groups.leave_out(chats.groups[~chats.plain])
    groups.leave_out(asked.groups[~asked.plain])
    told = PlainAnswers(evidence, asked, rules)
    groups.leave_out(asked.groups[told.unclear])
    usable = asked.usable(messages, chats.groups)
    groups.leave_out(asked.groups[~usable & groups.hold(asked.groups)])
    kept = np.flatnonzero(groups.hold(asked.groups))
    compared = _compared(messages, asked.shown[kept])
    if compared is None:
        return None
    groups.leave_out(asked.groups[kept[~compared.differ]])
    if takes is not None:
        groups.leave_out(asked.groups[kept[~takes(compared.prompts, messages)]])
    fine = groups.hold(asked.groups[kept])
    return _pairs_of(
        evidence, rules, messages, chats, asked, told, groups, kept[fine], compared.at(np.flatnonzero(fine))
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """Two texts to one prompt for each task: see ``PairColumns``. ``first`` is the side that is shown first."""

    ids: Sequence[str]
    differ: Flags
    responses: Numbers
    first: Numbers
    prompts: Ways
    prompt_codes: Numbers

    def at(self, places: Numbers) -> _Compared:
        """Return those of the tasks at these places."""
        return _Compared(
            [self.ids[place] for place in places.tolist()],
            self.differ[places],
            self.responses[places],
            self.first[places],
            self.prompts.at(places),
            self.prompt_codes[places],
        )


def _compared(messages: Messages, shown: Numbers) -> _Compared | None:
    """Return what tasks compare; None if it is too much for columns.

    What does not ``differ`` in its texts, differs in its prompts or is compared by another task too, is not plain.
    """
    before, of_before = np.unique(messages.parents[shown], return_inverse=True)
    of_before = of_before.reshape(-1, 2)
    ways = messages.ways(before)
    sizes = np.asarray(pc.binary_length(messages.contents), np.int64)
    characters = ways.characters(sizes)[of_before[:, 0]] + sizes[shown].sum(axis=1)
    if characters.sum() > MOST_CHARACTERS:
        return None
    canonical = ways.canonical(messages)
    codes, _ = codes_of(canonical)
    left, right = (rows_at(messages.contents, shown[:, side]) for side in (0, 1))
    first = np.where(flags_of(pc.less(left, right)), 0, 1)
    responses = np.where(first[:, None] == 0, shown, shown[:, ::-1])
    texts = (rows_at(messages.contents, responses[:, side]) for side in (0, 1))
    keys = pc.binary_join_element_wise("pair", rows_at(canonical, of_before[:, 0]), *texts, "\x1f")
    ids = [digest.hex() for digest in hashed(keys, 12)]
    alike = (rows_at(messages.stripped, shown[:, side]) for side in (0, 1))
    differ = ~flags_of(pc.equal(*alike)) & (codes[of_before[:, 0]] == codes[of_before[:, 1]])
    if len({*ids}) < len(ids):
        _, of_id, times = np.unique(np.array(ids, "S24"), return_inverse=True, return_counts=True)
        differ &= times[of_id] == 1
    return _Compared(ids, differ, responses, first, ways.at(of_before[:, 0]), codes[of_before[:, 0]])


def _pairs_of(
    evidence: EvidenceColumns,
    rules: ExportsConfig,
    messages: Messages,
    chats: PlainChats,
    asked: PlainTasks,
    told: PlainAnswers,
    groups: PlainGroups,
    tasks: Numbers,
    compared: _Compared,
) -> PlainPairs | None:
    """Return the pairs of plain tasks at these places."""
    if not len(tasks):
        return None
    of_task = np.full(len(asked.ids) + 1, NOWHERE, np.int64)  # the last one is that of no task
    of_task[tasks] = np.arange(len(tasks))
    places = of_task[told.tasks]
    mine = np.flatnonzero(places != NOWHERE)
    counted = mine[told.counts[mine]]
    answered = np.bincount(places[mine], minlength=len(tasks)) > 0
    voted = np.flatnonzero(np.bincount(places[counted], minlength=len(tasks)))
    pairs = _with_votes(evidence, messages, chats, asked, told, tasks, compared, places, counted)
    pairs = pairs.at(voted)
    reasons = pairs_left_out(pairs, rules, evidence.everybody)
    stay = np.flatnonzero(reasons == NOWHERE)
    chosen = pairs if len(stay) == len(pairs) else pairs.at(stay)
    return PlainPairs(
        pairs=chosen,
        omissions=[
            *_omitted(asked, told, tasks[~answered], mine[~told.counts[mine]]),
            *_fallen(pairs, told, reasons),
        ],
        rest=groups.rest | ({NOWHERE} if (told.tasks == NOWHERE).any() else frozenset()),
        answers=len(mine),
        openings=rows_at(chats.openings, chosen.chats[:, 0]).to_pylist(),
        linked=_linked(evidence, chats, groups),
        first_asked=evidence.everybody.first_asked,
        people=frozenset(rows_at(told.person_ids, np.unique(told.people[mine])).to_pylist()),
        tied=int((pairs.winners == NEITHER).sum()),
        left_out=Counter(ITEM_RULES[number].reason.value for number in reasons[reasons != NOWHERE].tolist()),
        names=names_of_pairs(pairs, rules),
    )


def _with_votes(
    evidence: EvidenceColumns,
    messages: Messages,
    chats: PlainChats,
    asked: PlainTasks,
    told: PlainAnswers,
    tasks: Numbers,
    compared: _Compared,
    places: Numbers,
    counted: Numbers,
) -> PairColumns:
    """Return a pair for each task, also for one without a vote."""
    ranks = np.empty(len(told.ids), np.int64)
    ranks[np.asarray(pc.sort_indices(told.ids), np.int64)] = np.arange(len(told.ids))
    counted = counted[np.lexsort((ranks[counted], places[counted]))]
    of = places[counted]
    said = told.said[counted]
    preferred = np.where(said[:, PLACE] == NEITHER, NEITHER, said[:, PLACE] ^ compared.first[of])
    votes = VoteColumns(
        of,
        preferred,
        said[:, BOTH] == 1,
        compared.first[of],
        said[:, STRENGTH],
        _weights(evidence, asked, told, counted),
        told.people[counted],
        told.person_ids,
        rows_at(told.updated_at, counted),
        counted,
    )
    discarded = places[told.discarded & (places != NOWHERE)]
    return PairColumns(
        texts_of(compared.ids),
        messages,
        compared.responses,
        compared.prompts,
        compared.prompt_codes,
        rows_at(asked.ids, tasks),
        rows_at(asked.rules_versions, tasks),
        np.bincount(discarded, minlength=len(tasks)),
        _posteriors(evidence, asked, tasks, compared, np.bincount(of, minlength=len(tasks))),
        votes,
        chats.origins,
        evidence.everybody.weights.weighting is Weighting.POSTERIOR,
    )


def _weights(
    evidence: EvidenceColumns, asked: PlainTasks, told: PlainAnswers, counted: Numbers
) -> NDArray[np.float64]:
    """Return the weight of each vote: that of its person on the comparison that was asked."""
    weights, kinds = evidence.everybody.weights, len(asked.kinds)
    both, of_both = np.unique(told.people[counted] * kinds + told.kind_codes[counted], return_inverse=True)
    names, questions = told.person_ids.to_pylist(), [_question(kind) for kind in asked.kinds]
    known = [weights.of(names[it // kinds], questions[it % kinds]) for it in both.tolist()]
    return np.array(known, np.float64)[of_both]


def _question(kind: Kind | None) -> str | None:
    return None if kind is None or kind.compares is None else kind.compares.name


def _posteriors(
    evidence: EvidenceColumns,
    asked: PlainTasks,
    tasks: Numbers,
    compared: _Compared,
    votes: Numbers,
) -> NDArray[np.float64]:
    """Return the posteriors of both sides of each pair: their mean over its votes, which is rounded like any mean."""
    found = np.full((len(tasks), 2), np.nan)
    known = evidence.everybody.weights.posteriors
    if not known:
        return found
    questions = dict(zip(asked.kind_names, map(_question, asked.kinds), strict=True))
    items = [*asked.items()]
    for place, (task, first, n) in enumerate(
        zip(tasks.tolist(), compared.first.tolist(), votes.tolist(), strict=True)
    ):
        kind, item = items[task]
        said = known.get((kind, questions[kind] or "", item))
        if said is None or not n:
            continue
        in_order = asked.names[task][0] < asked.names[task][1]
        sides = (FIRST, SECOND) if in_order == (first == 0) else (SECOND, FIRST)
        found[place] = [math.fsum([said.get(side, 0.0)] * n) / n for side in sides]
    return found


def _linked(evidence: EvidenceColumns, chats: PlainChats, groups: PlainGroups) -> list[tuple[bytes, str]]:
    """Return the openings of the conversations with near duplicates, each with the group of these."""
    near = evidence.everybody.near_duplicates
    if not near:
        return []
    there = np.flatnonzero(groups.hold(chats.groups) & chats.answered)
    names, openings = (rows_at(it, there).to_pylist() for it in (chats.origins.ids, chats.openings))
    return [(opening, near[name]) for name, opening in zip(names, openings, strict=True) if name in near]


def _omitted(
    asked: PlainTasks, told: PlainAnswers, unanswered: Numbers, answers: Numbers
) -> Iterator[Omission]:
    """Yield the omissions of tasks without an answer, and of answers that are no vote."""
    for name in rows_at(asked.ids, unanswered).to_pylist():
        yield Omission(OmissionReason.NOT_ANSWERED, name)
    names = rows_at(told.ids, answers).to_pylist()
    tasks = rows_at(asked.ids, told.tasks[answers]).to_pylist()
    rules, submitted = told.left_out[answers].tolist(), told.submitted[answers].tolist()
    for task, name, rule, was_submitted in zip(tasks, names, rules, submitted, strict=True):
        reason = OmissionReason.NO_PREFERENCE if was_submitted else OmissionReason.NOT_SUBMITTED
        yield Omission(reason if rule == NOWHERE else OF_ANSWERS[rule], task, name)


def _fallen(pairs: PairColumns, told: PlainAnswers, reasons: Numbers) -> Iterator[Omission]:
    """Yield the omissions of the votes on pairs that rules leave out."""
    votes = pairs.votes
    of_votes = reasons[votes.pairs]
    gone = np.flatnonzero(of_votes != NOWHERE)
    tasks = rows_at(pairs.task_ids, votes.pairs[gone]).to_pylist()
    names = rows_at(told.ids, votes.answers[gone]).to_pylist()
    for number, task, name in zip(of_votes[gone].tolist(), tasks, names, strict=True):
        yield Omission(ITEM_RULES[number].reason, task, name)
