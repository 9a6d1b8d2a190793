"""Preference pairs: a prompt, two responses, and the votes between them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import (
    Context,
    Prompt,
    distinct,
    models_of,
    whence,
)
from exports.judgments import Act, Judgment
from exports.omissions import Omission, OmissionReason
from exports.verdicts import PairVerdict, age, discarded_pairs, sorted_omissions, verdicts_of
from workspaces.kinds import BOTH_BAD, FIRST, SECOND, kind_of, together
from workspaces.records import IMPORTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exports.verdicts import RewriteOutcomes
    from exports.weights import Weights
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions


class Decision(StrEnum):
    """What a lead decided about a pair: one of the sides, in alphabetical order, neither, or that both are bad."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Origin(StrEnum):
    """The author of a side: a model in a chat log, a model that was asked for a counterpart, an annotator, or an
    annotator whose rewrite others accepted by their votes.
    """

    MODEL = "model"
    GENERATED = "generated"
    HUMAN_EDIT = "human_edit"
    ACCEPTED_REWRITE = "accepted_rewrite"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two texts of a pair. A text that occurs only in rewrites has no message and no model."""

    text: str
    origin: Origin
    message_ids: tuple[str, ...]
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote on a pair. ``preferred`` and ``shown_first`` are side numbers, 0 or 1.

    ``preferred`` is ``None`` for a tie, and if ``both_bad`` for a vote that both sides are bad; ``shown_first`` is
    ``None`` for a rewrite, where one side was shown, and where a log does not tell. ``act`` is what they
    did; ``from_log`` is true of one that came with a chat log. ``strength`` is how much better they called the
    preferred side, from 0 for a tie to 3; None where that was not asked. ``reason`` is what they wrote about it.
    ``weight`` is their weight on the question,
    and of a ranking that of one of its comparisons, which weigh together as much as one vote.
    """

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    preferred: int | None
    shown_first: int | None
    both_bad: bool = False
    act: Act = Act.COMPARISON
    from_log: bool = False
    strength: int | None = None
    reason: str = ""

    def towards(self, side: int) -> int:
        """Return how much the vote prefers a side: its strength, 1 where that was not asked; below 0 the other side."""
        if self.preferred is None:
            return 0
        strength = 1 if self.strength is None else self.strength
        return strength if self.preferred == side else -strength


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two different texts for one prompt and every vote between them.

    ``sides`` are in alphabetical order, which says nothing of quality; ``winner`` is the side number that
    more than half of all votes prefer (a tie counts as a vote), or ``None``. ``pair_id`` depends on prompt
    and texts alone: it stays when votes are added or the winner changes. ``skips`` counts the people who discarded
    the comparison instead of voting. ``writers`` are the answers that a rewrite comes from which others accepted.
    ``adjudicated`` is what a lead decided where votes disagree; ``winner`` then is the side that it names, if any.
    """

    pair_id: str
    prompt: Prompt
    sides: tuple[Side, Side]
    votes: tuple[Vote, ...]
    winner: int | None
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]
    skips: int = 0
    writers: tuple[Judgment, ...] = ()
    adjudicated: Decision | None = None

    @property
    def id(self) -> str:
        """The same as ``pair_id``: every export item has an id."""
        return self.pair_id

    @property
    def person_ids(self) -> set[str]:
        """The people who voted, or wrote a side that others accepted."""
        return {by.person_id for some in (self.votes, self.writers) for by in some}

    @property
    def models(self) -> tuple[str, ...]:
        """The models of both sides, sorted."""
        return distinct(model for side in self.sides for model in side.models)

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The votes, and the rewrites that others accepted, as the card counts them."""
        votes = (Judgment(vote.annotation_id, vote.person_id, vote.act, vote.from_log) for vote in self.votes)
        return (*votes, *self.writers)

    @property
    def chosen(self) -> Side:
        """The side the majority prefers; of a tied pair, the first."""
        return self.sides[self.winner or 0]

    @property
    def rejected(self) -> Side:
        """The side that is not ``chosen``."""
        return self.sides[1 - (self.winner or 0)]

    def count(self, preferred: int | None) -> int:
        """Return the number of votes for a side, or with ``None`` for a tie between sides that are not both bad."""
        return sum(vote.preferred == preferred and not vote.both_bad for vote in self.votes)

    def shown_first(self, side: int) -> int:
        """Return the number of votes by people who saw this side first, as far as is known."""
        return sum(vote.shown_first == side for vote in self.votes)

    @property
    def n_both_bad(self) -> int:
        """Number of votes that both sides are bad."""
        return sum(vote.both_bad for vote in self.votes)

    @property
    def is_both_bad(self) -> bool:
        """Whether more than half of all votes, or what a lead decided, say that both sides are bad."""
        if self.adjudicated is not None:
            return self.adjudicated is Decision.BOTH_BAD
        return 2 * self.n_both_bad > len(self.votes)

    def mass(self, preferred: int) -> float:
        """Return the sum of the weights of the votes for a side."""
        return math.fsum(vote.weight for vote in self.votes if vote.preferred == preferred)

    @property
    def agreement(self) -> float:
        """Share of votes for the most frequent answer, over 0 to 1. One vote agrees with itself."""
        return max(self.count(0), self.count(1), self.count(None), self.n_both_bad) / len(self.votes)

    @property
    def strength(self) -> float:
        """(votes for chosen - votes for rejected) / all votes, each vote counting 1."""
        winner = self.winner or 0
        return (self.count(winner) - self.count(1 - winner)) / len(self.votes)

    @property
    def weight(self) -> float:
        """Summed weight of the votes for chosen / number of votes: low where unsure people decided."""
        return self.mass(self.winner or 0) / len(self.votes)

    @property
    def margin(self) -> float:
        """The mean strength of the votes towards chosen, weighted, over -3 to 3; 0 where all weights are 0.

        A vote without a strength counts 1, so that without any it is (weight for chosen - weight for rejected) / all
        weight. Negative where the people of high confidence, or of strong opinions, were outvoted.
        """
        winner = self.winner or 0
        total = math.fsum(vote.weight for vote in self.votes)
        return math.fsum(vote.weight * vote.towards(winner) for vote in self.votes) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs with a winner, pairs without one, and the answers that are in neither."""

    decided: tuple[PreferencePair, ...]
    tied: tuple[PreferencePair, ...]
    omissions: tuple[Omission, ...]


def preference_pairs(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Weights,
    outcomes: RewriteOutcomes | None = None,
    decisions: Decisions = MappingProxyType({}),
) -> Pairs:
    """Return the pairs that submitted answers decide.

    An answer to a comparison is a vote between the two responses shown, a ranking one between each two. Where other
    people are asked about rewrites, a rewrite that they accepted is a pair by their votes, and nothing that was said of
    any other is in a pair. Elsewhere a rewrite of a response is a vote for the rewrite over the response. Votes meet
    wherever prompt and texts are equal, whatever the task, the conversation or the display order; of one person, the
    latest vote on a pair counts. Latest votes of one person that differ and are of the same time are a tie.

    Args:
        tasks: by task id.
        annotations: the latest revision of each, in any order.
        contexts: by message id, of every response that may be exported.
        weights: of people's votes.
        outcomes: what other people's votes said of rewrites; None: nobody was asked about rewrites.
        decisions: what a lead decided, as votes, by (kind, question, item): it decides a pair whatever the votes.

    Returns:
        Pairs sorted by ``pair_id``. Every annotation is in the votes or the writers of one pair, of several if it is a
        ranking, or in one omission, and every task is in one of them as well.
    """
    omissions: list[Omission] = []
    answered = set()
    verdicts: dict[str, list[PairVerdict]] = defaultdict(list)
    skips: dict[str, set[str]] = defaultdict(set)
    for annotation in annotations:
        answered.add(annotation.task_id)
        found = verdicts_of(tasks.get(annotation.task_id), annotation, contexts, outcomes)
        if isinstance(found, OmissionReason):
            omissions.append(Omission(found, annotation.task_id, annotation.id))
            for pair_id in discarded_pairs(tasks.get(annotation.task_id), annotation, contexts):
                skips[pair_id].add(annotation.person_id)
        else:
            for verdict in found:
                verdicts[verdict.pair_id].append(verdict)
    omissions.extend(Omission(OmissionReason.NOT_ANSWERED, task_id) for task_id in tasks.keys() - answered)

    pairs = []
    for pair_id in sorted(verdicts):
        by_person: dict[str, list[PairVerdict]] = defaultdict(list)
        wrote = [verdict for verdict in verdicts[pair_id] if verdict.only_wrote]
        for verdict in sorted(verdicts[pair_id], key=lambda verdict: age(verdict.annotation)):
            if not verdict.only_wrote:
                by_person[verdict.annotation.person_id].append(verdict)
        if not by_person:  # their votes are about other texts by now
            omissions += (
                Omission(OmissionReason.REWRITE_UNDECIDED, it.task.id, it.annotation.id) for it in wrote
            )
            continue
        latest = []
        for given in by_person.values():
            counted, left_out = _latest(given)
            latest.append(counted)
            omissions.extend(left_out)
        pairs.append(
            _pair(
                pair_id,
                sorted(latest, key=lambda verdict: verdict.annotation.id),
                weights,
                skips=len(skips[pair_id] - by_person.keys()),
                wrote=sorted(wrote, key=lambda verdict: verdict.annotation.id),
                adjudicated=_decided(verdicts[pair_id], decisions),
            )
        )
    used = {vote.annotation_id for pair in pairs for vote in pair.votes}
    unused = {
        (omission.reason, omission.task_id, omission.annotation_id): omission
        for omission in omissions
        if omission.annotation_id not in used  # other comparisons of a ranking may count
    }
    return Pairs(
        decided=tuple(pair for pair in pairs if pair.winner is not None),
        tied=tuple(pair for pair in pairs if pair.winner is None),
        omissions=sorted_omissions(_one_each(unused.values())),
    )


def _one_each(omissions: Iterable[Omission]) -> Iterator[Omission]:
    """Yield one omission of each answer, the first by reason, and those of tasks without an answer."""
    named: dict[str, Omission] = {}
    for omission in omissions:
        if omission.annotation_id is None:
            yield omission
        else:
            before = named.setdefault(omission.annotation_id, omission)
            named[omission.annotation_id] = min(before, omission, key=lambda each: each.reason)
    yield from named.values()


def _latest(given: Sequence[PairVerdict]) -> tuple[PairVerdict, list[Omission]]:
    """Return the verdict of one person that counts, and the omissions of the others.

    Verdicts are given from the earliest to the latest. Where those of the latest time differ, nobody knows which one
    came last: the person is undecided.
    """
    last = given[-1]
    at_once = [each for each in given if each.annotation.updated_at == last.annotation.updated_at]
    contradicted = len({each.said for each in at_once}) > 1
    left_out = [
        Omission(
            OmissionReason.CONTRADICTED
            if contradicted and each in at_once
            else OmissionReason.ANSWERED_AGAIN,
            each.task.id,
            each.annotation.id,
        )
        for each in given[:-1]
    ]
    return (last.undecided if contradicted else last), left_out


def _pair(
    pair_id: str,
    verdicts: Sequence[PairVerdict],
    weights: Weights,
    *,
    skips: int,
    wrote: Sequence[PairVerdict] = (),
    adjudicated: Decision | None = None,
) -> PreferencePair:
    texts = verdicts[0].texts
    responses = {
        context.message.id: context for verdict in (*verdicts, *wrote) for context in verdict.responses
    }
    votes = tuple(
        Vote(
            annotation_id=verdict.annotation.id,
            task_id=verdict.task.id,
            person_id=verdict.annotation.person_id,
            weight=weights.of(verdict.annotation.person_id, verdict.question) * verdict.share,
            preferred=None if verdict.preferred is None else texts.index(verdict.preferred),
            shown_first=None if verdict.shown_first is None else texts.index(verdict.shown_first),
            both_bad=verdict.both_bad,
            act=verdict.act,
            from_log=verdict.task.platform == IMPORTED,
            strength=verdict.strength,
            reason=verdict.reason,
        )
        for verdict in verdicts
    )
    majority = (side for side in (0, 1) if 2 * sum(vote.preferred == side for vote in votes) > len(votes))
    return PreferencePair(
        pair_id=pair_id,
        prompt=verdicts[0].prompt,
        sides=(_side(texts[0], responses.values()), _side(texts[1], responses.values())),
        votes=votes,
        winner=next(majority, None)
        if adjudicated is None
        else {Decision.FIRST: 0, Decision.SECOND: 1}.get(adjudicated),
        **whence(responses.values(), (verdict.task for verdict in (*verdicts, *wrote))),
        skips=skips,
        writers=tuple(
            Judgment(it.annotation.id, it.annotation.person_id, it.act, from_log=False) for it in wrote
        ),
        adjudicated=adjudicated,
    )


def _decided(verdicts: Sequence[PairVerdict], decisions: Decisions) -> Decision | None:
    """Return what was decided about two texts, as far as all that was decided about them says the same."""
    found: set[Decision] = set()
    for verdict in verdicts if decisions else ():
        compares = kind_of(verdict.task.kind).compares
        if compares is None or len(verdict.responses) != 2:
            continue
        by_id = {context.message.id: context.text for context in verdict.responses}
        vote = decisions.get((verdict.task.kind, compares.name, together(by_id)))
        if vote is None:
            continue
        said, names = compares.class_of(vote), sorted(by_id)
        preferred = {FIRST: by_id[names[0]], SECOND: by_id[names[-1]]}.get(said)
        if preferred is None:
            found.add(Decision.BOTH_BAD if said == BOTH_BAD else Decision.TIE)
        else:
            found.add((Decision.FIRST, Decision.SECOND)[verdict.texts.index(preferred)])
    return found.pop() if len(found) == 1 else None


def _side(text: str, responses: Iterable[Context]) -> Side:
    shown = [context for context in responses if context.text == text]
    written = [context for context in shown if not context.is_rewrite]
    by_people = Origin.ACCEPTED_REWRITE if shown else Origin.HUMAN_EDIT
    return Side(
        text=text,
        origin=origin_of(written) if written else by_people,
        message_ids=distinct(context.message.id for context in written),
        models=models_of(written),
    )


def origin_of(written: Iterable[Context]) -> Origin:
    """Return the origin of a text that models wrote: it is generated if it stands in no chat log."""
    return Origin.GENERATED if all(context.message.generated for context in written) else Origin.MODEL
