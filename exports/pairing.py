"""Makes preference pairs of answers: votes meet wherever prompt and texts are equal."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import Context, whence
from exports.judgments import Judged
from exports.omissions import Omission, OmissionReason
from exports.pairs import Decision, PreferencePair, Vote, side_of
from exports.verdicts import PairVerdict, Shown, age, discarded_pairs, sorted_omissions, verdicts_of
from exports.weights import Weighting
from workspaces.kinds import BOTH_BAD, FIRST, SECOND, kind_of, together
from workspaces.records import IMPORTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from exports.verdicts import RewriteOutcomes, Said
    from exports.weights import Weights
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions


_task_id, _annotation_id = attrgetter("task_id"), attrgetter("annotation.id")


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
    people are asked about rewrites, a rewrite that they accepted is a pair by their votes, whatever it was compared
    with, and nothing that was said of any other is in a pair. Elsewhere a rewrite of a response is a vote for the
    rewrite over the response. Votes meet wherever prompt and texts are equal, whatever the task, the conversation or
    the display order; of one person, the latest vote on a pair counts. Latest votes of one person that are of the same
    time are a tie if they name different sides, and the mildest one if they name one side with different strengths.

    Args:
        tasks: by task id.
        annotations: the latest revision of each, in any order.
        contexts: by message id, of every response that may be exported.
        weights: of people's votes and of pairs.
        outcomes: what other people's votes said of rewrites; None: nobody was asked about rewrites.
        decisions: what a lead decided, as votes, by (kind, question, item): it decides a pair whatever the votes.

    Returns:
        Pairs sorted by ``pair_id``. Every annotation is in the votes or the writers of one pair, of several if it is a
        ranking, or in one omission, and every task is in one of them as well.
    """
    omissions: list[Omission] = []
    answered = set()
    verdicts: dict[str, list[PairVerdict]] = defaultdict(list)
    said: dict[object, Said | None] = {}
    skips: dict[str, set[str]] = defaultdict(set)
    for task_id, given in groupby(sorted(annotations, key=_task_id), key=_task_id):
        answered.add(task_id)
        shown = Shown(tasks[task_id], contexts, said) if task_id in tasks else None
        for annotation in given:
            found = verdicts_of(shown, annotation, outcomes)
            if isinstance(found, OmissionReason):
                omissions.append(Omission(found, task_id, annotation.id))
                for pair_id in discarded_pairs(shown, annotation):
                    skips[pair_id].add(annotation.person_id)
            else:
                for verdict in found:
                    verdicts[verdict.pair_id].append(verdict)
    omissions.extend(Omission(OmissionReason.NOT_ANSWERED, task_id) for task_id in tasks.keys() - answered)

    authors: dict[str, list[PairVerdict]] = defaultdict(list)
    for verdict in (each for some in verdicts.values() for each in some if each.only_wrote):
        for context in verdict.responses:
            if context.is_rewrite:
                authors[context.message.id].append(verdict)
    pairs = []
    for pair_id in sorted(verdicts):
        by_person: dict[str, list[PairVerdict]] = defaultdict(list)
        wrote: dict[str, PairVerdict] = {}
        for verdict in verdicts[pair_id]:
            if verdict.only_wrote:
                wrote[verdict.annotation.id] = verdict
            else:
                by_person[verdict.annotation.person_id].append(verdict)
        if not by_person:  # their votes are about other texts by now
            omissions += (
                Omission(OmissionReason.REWRITE_UNDECIDED, it.task.id, it.annotation.id)
                for it in wrote.values()
            )
            continue
        latest = []
        for of_person in by_person.values():
            counted, *left_out = of_person
            if left_out:
                counted, gone = _latest(sorted(of_person, key=lambda verdict: age(verdict.annotation)))
                omissions.extend(gone)
            latest.append(counted)
        pairs.append(
            _pair(
                pair_id,
                sorted(latest, key=_annotation_id),
                weights,
                skips=len(skips[pair_id] - by_person.keys()) if pair_id in skips else 0,
                wrote=_behind(latest, wrote, authors),
                adjudicated=_decided(verdicts[pair_id], decisions),
            )
        )
    used = {by.annotation_id for pair in pairs for by in pair.judgments}
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


def _behind(
    voted: Sequence[PairVerdict],
    wrote: Mapping[str, PairVerdict],
    authors: Mapping[str, Sequence[PairVerdict]],
) -> list[PairVerdict]:
    """Return who wrote the rewrites of a pair, whatever response it compares them with, by annotation."""
    shown = {context.message.id for verdict in voted for context in verdict.responses if context.is_rewrite}
    others = {it.annotation.id: it for name in shown for it in authors.get(name, ())}
    return [it for _, it in sorted({**others, **wrote}.items())]


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

    Verdicts are given from the earliest to the latest. Where those of the latest time name different sides, nobody
    knows which one came last: the person is undecided. Where they name one side with different strengths, the mildest
    one counts: so much better it is in any case.
    """
    newest = given[-1].annotation.updated_at
    at_once = [each for each in given if each.annotation.updated_at == newest]
    if len({(each.preferred, each.both_bad) for each in at_once}) > 1:
        last, contradicting = at_once[-1].undecided(at_once), at_once
    else:
        last = min(reversed(at_once), key=lambda each: (each.strength is None, each.strength, -each.share))
        contradicting = [each for each in at_once if each.strength not in (None, last.strength)]
    left_out = [
        Omission(
            OmissionReason.CONTRADICTED if each in contradicting else OmissionReason.ANSWERED_AGAIN,
            each.task.id,
            each.annotation.id,
        )
        for each in given
        if each.annotation.id != last.annotation.id
    ]
    return last, left_out


def _pair(
    pair_id: str,
    verdicts: Sequence[PairVerdict],
    weights: Weights,
    *,
    skips: int,
    wrote: Sequence[PairVerdict] = (),
    adjudicated: Decision | None = None,
) -> PreferencePair:
    prompt, texts = verdicts[0].compared.prompt, verdicts[0].texts
    compared = {id(it.compared): it.compared for it in (*verdicts, *wrote) if it.texts == texts}
    responses = {context.message.id: context for each in compared.values() for context in each.responses}
    tasks = {verdict.task.id: verdict.task for verdict in (*verdicts, *wrote)}
    votes = tuple(_vote(verdict, weights) for verdict in verdicts)
    preferred = [vote.preferred for vote in votes]
    majority = (side for side in (0, 1) if 2 * preferred.count(side) > len(votes))
    return PreferencePair(
        pair_id=pair_id,
        prompt=prompt,
        sides=(side_of(texts[0], responses.values()), side_of(texts[1], responses.values())),
        votes=votes,
        winner=next(majority, None)
        if adjudicated is None
        else {Decision.FIRST: 0, Decision.SECOND: 1}.get(adjudicated),
        **whence(responses.values(), tasks.values()),
        skips=skips,
        writers=tuple(
            Judged(it.annotation.id, it.annotation.person_id, it.act, from_log=False) for it in wrote
        ),
        adjudicated=adjudicated,
        posteriors=_posteriors(verdicts, weights) if adjudicated is None else adjudicated.posteriors,
        weighs_posterior=weights.weighting is Weighting.POSTERIOR,
    )


def _vote(verdict: PairVerdict, weights: Weights) -> Vote:
    annotation, task = verdict.annotation, verdict.task
    return Vote(
        annotation.id,
        task.id,
        annotation.person_id,
        weights.of(annotation.person_id, verdict.compared.question) * verdict.share,
        verdict.preferred,
        verdict.shown_first,
        verdict.both_bad,
        verdict.act,
        task.platform == IMPORTED,
        verdict.strength,
        verdict.reason,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A comparison that was asked: the item and its texts, in the order of the ids that its first and second are."""

    key: tuple[str, str, str]
    first: str
    second: str


def _asked(verdict: PairVerdict) -> _Asked | None:
    """Return the item that a verdict is about, as reports and leads name it; None for what is no comparison of two."""
    compares = kind_of(verdict.task.kind).compares
    if compares is None or len(verdict.responses) != 2:
        return None
    by_id = {context.message.id: context.text for context in verdict.responses}
    names = sorted(by_id)
    return _Asked((verdict.task.kind, compares.name, together(by_id)), by_id[names[0]], by_id[names[-1]])


def _posteriors(verdicts: Sequence[PairVerdict], weights: Weights) -> tuple[float, float] | None:
    """Return the mean of the posteriors of what was asked about two texts, as often as it was answered."""
    found = []
    for verdict in verdicts if weights.posteriors else ():
        asked = _asked(verdict)
        said = None if asked is None else weights.posteriors.get(asked.key)
        if asked is not None and said is not None:
            of_text = {asked.first: said.get(FIRST, 0.0), asked.second: said.get(SECOND, 0.0)}
            found.append([of_text[text] for text in verdict.texts])
    if not found:
        return None
    first, second = (math.fsum(of_side) / len(found) for of_side in zip(*found, strict=True))
    return first, second


def _decided(verdicts: Sequence[PairVerdict], decisions: Decisions) -> Decision | None:
    """Return what was decided about two texts, as far as all that was decided about them says the same."""
    found: set[Decision] = set()
    for verdict in verdicts if decisions else ():
        asked = _asked(verdict)
        vote = None if asked is None else decisions.get(asked.key)
        compares = kind_of(verdict.task.kind).compares
        if asked is None or vote is None or compares is None:
            continue
        said = compares.class_of(vote)
        preferred = {FIRST: asked.first, SECOND: asked.second}.get(said)
        if preferred is None:
            found.add(Decision.BOTH_BAD if said == BOTH_BAD else Decision.TIE)
        else:
            found.add((Decision.FIRST, Decision.SECOND)[verdict.texts.index(preferred)])
    return found.pop() if len(found) == 1 else None
