"""Rankings: a prompt, several responses, and the order in which people put them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.context import Context, Prompt, canonical, distinct, whence
from exports.judgments import Act, Judged
from exports.omissions import Omission, OmissionReason
from exports.pairs import Side, side_of
from exports.pooling import pooled
from exports.verdicts import RewriteOutcomes, ranked, shown_responses, sorted_omissions
from workspaces.kinds import FIRST, SECOND, kind_of, together
from workspaces.records import IMPORTED, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exports.judgments import Judgment
    from exports.weights import Weights
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions

DIGITS = 6
"""Mean places closer than this many decimals are equal."""


@dataclass(frozen=True, slots=True)
class PersonalRanking:
    """One person's ranking: the place of each side, 1 for the best, in the order of the sides."""

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    places: tuple[int, ...]
    from_log: bool = False


@dataclass(frozen=True, slots=True)
class RankedResponses:
    """Different responses to one prompt, best first, and every ranking of exactly these.

    ``ranks`` are those of the sides, from 0: by the mean place that people gave, each counting by their weight; equal
    means share a rank. Where a lead decided comparisons (``adjudicated``), they are by how many others are better.
    ``ranking_id`` depends on prompt and texts alone.
    """

    ranking_id: str
    prompt: Prompt
    sides: tuple[Side, ...]
    ranks: tuple[int, ...]
    rankings: tuple[PersonalRanking, ...]
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]
    adjudicated: bool = False

    @property
    def models(self) -> tuple[str, ...]:
        """The models of all sides, sorted."""
        return distinct(model for side in self.sides for model in side.models)

    @property
    def id(self) -> str:
        """The same as ``ranking_id``: every export item has an id."""
        return self.ranking_id

    @property
    def person_ids(self) -> set[str]:
        """The people who ranked."""
        return {each.person_id for each in self.rankings}

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The rankings, as the card counts them."""
        return tuple(
            Judged(each.annotation_id, each.person_id, Act.RANKING, each.from_log) for each in self.rankings
        )

    @property
    def agreement(self) -> float:
        """Share of all comparisons of two responses, over people, that say what ``ranks`` say; 0 to 1."""
        pairs = list(combinations(range(len(self.ranks)), 2))
        agreeing = sum(
            _order(each.places, pair) == _order(self.ranks, pair) for each in self.rankings for pair in pairs
        )
        return agreeing / (len(pairs) * len(self.rankings))

    @property
    def weight(self) -> float:
        """Mean weight of the people who ranked."""
        return sum(each.weight for each in self.rankings) / len(self.rankings)


@dataclass(frozen=True, slots=True)
class Rankings:
    """Rankings, and the answers that are in none of them."""

    rows: tuple[RankedResponses, ...]
    omissions: tuple[Omission, ...]


@dataclass(frozen=True, slots=True)
class _Ranked:
    annotation: Annotation
    task: Task
    shown: tuple[Context, ...]
    places: tuple[int, ...]

    @property
    def key(self) -> str:
        texts = sorted(context.text for context in self.shown)
        return stable_id("ranking", canonical(self.shown[0].prompt), *texts)

    @property
    def says(self) -> object:
        return self.by_text

    @property
    def by_text(self) -> dict[str, int]:
        return dict(zip((context.text for context in self.shown), self.places, strict=True))


def ranked_responses(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Weights,
    outcomes: RewriteOutcomes | None = None,
    decisions: Decisions = MappingProxyType({}),
) -> Rankings:
    """Return the responses that submitted rankings order.

    Rankings meet where prompt and texts are equal; of one person, the latest counts. One that shows a rewrite which
    others do not accept is in no row. The arguments are those of
    ``preference_pairs``, and so is the conservation of annotations and tasks. Rows are sorted by ``ranking_id``.
    """
    said = outcomes or RewriteOutcomes()
    found, omissions = pooled(tasks, annotations, lambda task, given: _ranking(task, given, contexts, said))
    rows = [_row(ranking_id, given, weights, decisions) for ranking_id, given in found.items()]
    return Rankings(tuple(rows), sorted_omissions(omissions))


def _ranking(
    task: Task, annotation: Annotation, contexts: Mapping[str, Context], outcomes: RewriteOutcomes
) -> _Ranked | OmissionReason:
    question = kind_of(task.kind).ranking
    if question is None:
        return OmissionReason.NO_RANKING
    places = ranked(question, task, annotation)
    if places is None:
        return OmissionReason.NO_PREFERENCE
    shown = shown_responses(task, contexts)
    if isinstance(shown, OmissionReason):
        return shown
    if (refused := outcomes.refused(shown)) is not None:
        return refused
    if len({context.prompt for context in shown}) > 1:
        return OmissionReason.DIFFERENT_PROMPTS
    if len({context.text.strip() for context in shown}) < len(shown):
        return OmissionReason.SAME_TEXT
    return _Ranked(annotation, task, shown, places)


def _row(
    ranking_id: str, given: Sequence[_Ranked], weights: Weights, decisions: Decisions
) -> RankedResponses:
    responses = {context.message.id: context for each in given for context in each.shown}
    question = kind_of(given[0].task.kind).ranking
    name = None if question is None else question.name
    weight = {each.annotation.id: weights.of(each.annotation.person_id, name) for each in given}
    mean = _mean_places(given, weight)
    decided = _decided(given, name or "", decisions) if decisions else {}
    if decided:
        mean = _beaten(mean, decided)
    texts = sorted(mean, key=lambda text: (mean[text], text))
    steps = sorted(set(mean.values()))
    return RankedResponses(
        ranking_id=ranking_id,
        prompt=given[0].shown[0].prompt,
        sides=tuple(side_of(text, responses.values()) for text in texts),
        ranks=tuple(steps.index(mean[text]) for text in texts),
        rankings=tuple(
            PersonalRanking(
                annotation_id=each.annotation.id,
                task_id=each.task.id,
                person_id=each.annotation.person_id,
                weight=weight[each.annotation.id],
                places=tuple(each.by_text[text] for text in texts),
                from_log=each.task.platform == IMPORTED,
            )
            for each in given
        ),
        adjudicated=bool(decided),
        **whence(responses.values(), (each.task for each in given)),
    )


def _decided(
    given: Sequence[_Ranked], question: str, decisions: Decisions
) -> dict[frozenset[str], str | None]:
    """Return the better of two texts of which a lead decided that, None for a tie, as far as decisions agree."""
    found: dict[frozenset[str], set[str | None]] = defaultdict(set)
    for each in given:
        for pair in combinations(sorted(each.shown, key=lambda it: it.message.id), 2):
            vote = decisions.get((each.task.kind, question, together(it.message.id for it in pair)))
            if vote is not None:
                better = {FIRST: pair[0].text, SECOND: pair[1].text}.get(vote)
                found[frozenset(it.text for it in pair)].add(better)
    return {pair: said.pop() for pair, said in found.items() if len(said) == 1}


def _beaten(mean: Mapping[str, float], decided: Mapping[frozenset[str], str | None]) -> dict[str, float]:
    """Return by text how many others are better, a tie counting half; by mean places where nothing was decided.

    Source: Copeland (1951), 'A reasonable social welfare function'.
    """

    def better(one: str, other: str) -> str | None:
        level = mean[one] == mean[other]
        return decided.get(frozenset((one, other)), None if level else min(one, other, key=mean.__getitem__))

    return {
        text: sum({text: 0.0, None: 0.5}.get(better(text, other), 1.0) for other in mean if other != text)
        for text in mean
    }


def _mean_places(given: Sequence[_Ranked], weight: Mapping[str, float]) -> dict[str, float]:
    """Return the weighted mean of the places of each text; responses of one place share the mean of theirs."""
    total = sum(weight.values())
    of = weight if total else dict.fromkeys(weight, 1.0)
    sums: dict[str, float] = defaultdict(float)
    for each in given:
        places = each.by_text
        for text, place in places.items():
            before = sum(other < place for other in places.values())
            level = sum(other == place for other in places.values())
            sums[text] += of[each.annotation.id] * (before + (level + 1) / 2)
    return {text: round(value / sum(of.values()), DIGITS) for text, value in sums.items()}


def _order(places: Sequence[int], pair: tuple[int, int]) -> int:
    first, second = pair
    return (places[first] > places[second]) - (places[first] < places[second])
