"""Makes labelled completions of answers: of tags and thumbs, or else of the pairs that a text stands in."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from exports.completions import OUTCOMES, Basis, LabelledCompletion, Verdict
from exports.context import Context, Prompt, canonical, distinct, models_of, whence
from exports.judgments import Act
from exports.label_rules import label_rules, labelling
from exports.omissions import Omission, OmissionReason
from exports.pairing import preference_pairs
from exports.pairs import Origin, PreferencePair, Side, origin_of
from exports.verdicts import age, sorted_omissions
from workspaces.kinds import BOTH_BAD, kind_of
from workspaces.records import IMPORTED, AnnotationStatus, stable_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from exports.label_rules import LabelRules
    from exports.pairs import Vote
    from exports.verdicts import RewriteOutcomes
    from exports.weights import Weights
    from workspaces.records import Annotation, Task
    from workspaces.store.adjudications import Decisions

_ORIGINS = (Origin.MODEL, Origin.GENERATED, Origin.ACCEPTED_REWRITE, Origin.HUMAN_EDIT)
"""Of several origins of one text, the one that comes first here is the text's."""


@dataclass(frozen=True, slots=True)
class CompletionLabels:
    """Labelled completions, how many judged ones have no label, and the answers that are in none of the former."""

    rows: tuple[LabelledCompletion, ...]
    omissions: tuple[Omission, ...]
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class _Tags:
    annotation: Annotation
    task: Task
    context: Context
    tags: Mapping[str, str]
    is_thumb: bool


def completion_labels(
    tasks: Mapping[str, Task],
    annotations: Iterable[Annotation],
    contexts: Mapping[str, Context],
    weights: Weights,
    outcomes: RewriteOutcomes | None = None,
    decisions: Decisions = MappingProxyType({}),
) -> CompletionLabels:
    """Return the completions that submitted answers decide.

    1. Each deciding question, and each thumb that came with a log, has the answer that more than half of its
       annotators gave (N/A is an answer), or that a lead decided. Without either the question has no answer. The
       latest tags of a person on a text count, and their latest thumb: neither replaces the other. Where those of
       the latest time differ on a question, the person has none to it.
    2. ``LabelRules.label_of`` turns these answers into a label. Undecided texts are omitted.
    3. A text that nobody tagged gets its label from its pairs (``preference_pairs``, rewrites included): ``True``
       if it was chosen in more pairs than it was rejected in, ``False`` if in fewer. A pair of which most votes say
       that both texts are bad rejects both. Otherwise it is omitted.

    The arguments are those of ``preference_pairs``, and so is the conservation of annotations and tasks. Rows are
    sorted by ``label_id``.
    """
    annotations, rules = list(annotations), label_rules()
    task_of = {annotation.id: annotation.task_id for annotation in annotations}
    reasons: dict[str, Omission] = {}
    tagged: dict[str, list[_Tags]] = defaultdict(list)
    for annotation in annotations:
        for tags in _tags(tasks.get(annotation.task_id), annotation, contexts, rules):
            if isinstance(tags, _Tags):
                tagged[_label_id(tags.context.prompt, tags.context.text)].append(tags)
            reason = OmissionReason.UNDECIDED if isinstance(tags, _Tags) else tags
            reasons[annotation.id] = Omission(reason, annotation.task_id, annotation.id)

    rows = []
    for label_id, answers in tagged.items():
        of_person: dict[tuple[str, bool], list[_Tags]] = defaultdict(list)
        for answer in sorted(answers, key=lambda answer: age(answer.annotation)):
            of_person[answer.annotation.person_id, answer.is_thumb].append(answer)
        latest = []
        for given in of_person.values():
            counted, left_out = _latest(given)
            latest.extend([counted] if counted.tags else [])
            reasons |= {str(omission.annotation_id): omission for omission in left_out}
        latest.sort(key=lambda answer: answer.annotation.id)
        row = _by_tags(label_id, latest, weights, _decided(answers, decisions, rules), rules)
        rows.extend([row] if row else [])

    pairs = preference_pairs(tasks, annotations, contexts, weights, outcomes, decisions)
    compared: dict[str, list[tuple[PreferencePair, int]]] = defaultdict(list)
    for pair in (*pairs.decided, *pairs.tied):
        label_ids = [_label_id(pair.prompt, side.text) for side in pair.sides]
        reason = (
            OmissionReason.TAGS_DECIDE
            if all(label_id in tagged for label_id in label_ids)
            else OmissionReason.UNDECIDED
        )
        for vote in pair.votes:
            reasons.setdefault(vote.annotation_id, Omission(reason, vote.task_id, vote.annotation_id))
        for by in pair.writers:
            reasons.setdefault(
                by.annotation_id, Omission(reason, task_of[by.annotation_id], by.annotation_id)
            )
        for side, label_id in enumerate(label_ids):
            if label_id not in tagged:
                compared[label_id].append((pair, side))
    for label_id, comparisons in compared.items():
        row = _by_pairs(label_id, comparisons, contexts)
        rows.extend([row] if row else [])

    for omission in pairs.omissions:
        if omission.annotation_id is not None:
            reasons.setdefault(omission.annotation_id, _without_verdict(omission))
    used = {judgment.annotation_id for row in rows for judgment in row.judgments}
    unused = (omission for annotation_id, omission in reasons.items() if annotation_id not in used)
    unanswered = (omission for omission in pairs.omissions if omission.annotation_id is None)
    return CompletionLabels(
        rows=tuple(sorted(rows, key=lambda row: row.label_id)),
        omissions=sorted_omissions([*unused, *unanswered]),
        undecided=len(tagged) + len(compared) - len(rows),
    )


def _latest(given: Sequence[_Tags]) -> tuple[_Tags, list[Omission]]:
    """Return the tags of one person that count, and the omissions of the other answers.

    Answers are given from the earliest to the latest. Of answers of the latest time only the tags in which they do
    not contradict each other count.
    """
    last = given[-1]
    at_once = [each for each in given if each.annotation.updated_at == last.annotation.updated_at]
    said: dict[str, set[str]] = defaultdict(set)
    for each in at_once:
        for question, tag in each.tags.items():
            said[question].add(tag)
    agreed = {question: tag for question, tags in said.items() if len(tags) == 1 for tag in tags}
    contradicted = len(agreed) < len(said)
    left_out = [
        Omission(
            OmissionReason.CONTRADICTED
            if contradicted and each in at_once
            else OmissionReason.ANSWERED_AGAIN,
            each.task.id,
            each.annotation.id,
        )
        for each in given
        if each is not last or not agreed
    ]
    return replace(last, tags=agreed), left_out


def _label_id(prompt: Prompt, text: str) -> str:
    return stable_id("label", canonical(prompt), text)


def _without_verdict(omission: Omission) -> Omission:
    """Name the reason of an answer without a rewrite: at this point it has no tags either."""
    if omission.reason is not OmissionReason.NO_REWRITE:
        return omission
    return Omission(OmissionReason.NO_VERDICT, omission.task_id, omission.annotation_id)


def _tags(
    task: Task | None, annotation: Annotation, contexts: Mapping[str, Context], rules: LabelRules
) -> Iterator[_Tags | OmissionReason]:
    """Yield the deciding tags of an answer for each response that it judges, or the reason to omit them.

    What has no tags yields nothing.
    """
    if task is None or annotation.status is not AnnotationStatus.SUBMITTED or task.reask_of is not None:
        return
    kind = kind_of(task.kind)
    scored, labels = rules.scores, {question.name for question in labelling(kind)}
    answers = annotation.values
    if not kind.is_scored:
        answers = {
            question.name: answer
            for question in kind.questions
            if (answer := annotation.values.get(question.name)) is not None and question.is_complete(answer)
        }
    of_message: dict[str, dict[str, str]] = defaultdict(dict)
    for question, item, vote in kind.votes(answers, task.message_ids, task.conversation_ids):
        if question in scored:
            if vote in scored[question]:
                of_message[item][question] = scored[question][vote]
        elif question in labels:
            of_message[item][question] = vote
    for message_id, tags in of_message.items():
        context = contexts.get(message_id)
        if context is None:
            yield OmissionReason.NOT_SHARED
        else:
            yield context.unusable or _Tags(annotation, task, context, tags, tags.keys() <= scored.keys())


def _by_tags(
    label_id: str, answers: Sequence[_Tags], weights: Weights, decided: Mapping[str, str], rules: LabelRules
) -> LabelledCompletion | None:
    voted = {question: _majority(answers, question) for question in (*rules.questions, *rules.scores)}
    label = rules.label_of({**voted, **decided})
    if label is None or not answers:
        return None
    contexts = {answer.context.message.id: answer.context for answer in answers}
    of_person: dict[str, dict[str, str]] = defaultdict(dict)
    for answer in answers:
        of_person[answer.annotation.person_id].update(answer.tags)
    agreeing = {person: tags for person, tags in of_person.items() if rules.label_of(tags) is label}
    return LabelledCompletion(
        label_id=label_id,
        prompt=answers[0].context.prompt,
        completion=Side(
            text=answers[0].context.text,
            origin=origin_of(contexts.values()),
            message_ids=distinct(contexts),
            models=models_of(contexts.values()),
        ),
        label=label,
        basis=Basis.THUMBS if all(answer.is_thumb for answer in answers) else Basis.TAGS,
        verdicts=tuple(
            Verdict(
                annotation_id=answer.annotation.id,
                task_id=answer.task.id,
                person_id=answer.annotation.person_id,
                weight=weights.of(answer.annotation.person_id, question),
                question=question,
                answer=tag,
                act=Act.THUMB if question in rules.scores else Act.TAGS,
                from_log=answer.task.platform == IMPORTED,
            )
            for answer in answers
            for question, tag in answer.tags.items()
        ),
        agreement=len(agreeing) / len(of_person),
        weight=sum(_weight(person, tags, weights) for person, tags in agreeing.items()) / len(of_person),
        **whence(contexts.values(), (answer.task for answer in answers)),
        adjudicated=bool(decided),
    )


def _decided(answers: Sequence[_Tags], decisions: Decisions, rules: LabelRules) -> dict[str, str]:
    """Return what was decided about a text by question, as far as all that was decided about it says the same."""
    found: dict[str, set[str]] = defaultdict(set)
    about = {(it.task.kind, it.context.message.id) for it in answers} if decisions else set()
    for kind, message_id in about:
        for question in labelling(kind_of(kind)):
            vote = decisions.get((kind, question.name, message_id))
            if vote is not None:
                found[question.name].add(rules.scores.get(question.name, {}).get(vote, vote))
    return {question: values.pop() for question, values in found.items() if len(values) == 1}


def _weight(person_id: str, tags: Collection[str], weights: Weights) -> float:
    """Return the mean weight of a person's answers to the questions that they tagged."""
    return sum(weights.of(person_id, question) for question in tags) / len(tags)


def _majority(answers: Sequence[_Tags], question: str) -> str | None:
    counts = Counter(answer.tags[question] for answer in answers if question in answer.tags)
    return next((tag for tag, count in counts.items() if 2 * count > counts.total()), None)


def _seen_from(side: int, vote: Vote) -> str:
    """Return what a vote on a pair says of one side."""
    if vote.both_bad:
        return BOTH_BAD
    if vote.preferred is None:
        return "tie"
    return "chosen" if vote.preferred == side else "rejected"


def _weight_by_person(verdicts: Iterable[Verdict]) -> dict[str, float]:
    """Return the weight of each person's judgment of one text: that of the answer that says most about it.

    The comparisons of one ranking add up; those of several answers are one person's opinion, however often asked.
    """
    by_answer: dict[tuple[str, str], float] = defaultdict(float)
    for verdict in verdicts:
        by_answer[verdict.person_id, verdict.annotation_id] += verdict.weight
    weights: dict[str, float] = {}
    for (person_id, _), weight in by_answer.items():
        weights[person_id] = max(weight, weights.get(person_id, 0.0))
    return weights


def _by_pairs(
    label_id: str, comparisons: Sequence[tuple[PreferencePair, int]], contexts: Mapping[str, Context]
) -> LabelledCompletion | None:
    """Return the label that the pairs of a text give; each comparison is a pair and the side of the text.

    Licences and sources are those of the text: what it was compared with is not in the row.
    """
    won = sum(pair.winner == side for pair, side in comparisons)
    lost = sum(pair.winner == 1 - side or pair.is_both_bad for pair, side in comparisons)
    if won == lost:
        return None
    label = won > lost
    verdicts = tuple(
        Verdict(
            annotation_id=vote.annotation_id,
            task_id=vote.task_id,
            person_id=vote.person_id,
            weight=vote.weight,
            question=pair.pair_id,
            answer=_seen_from(side, vote),
            act=vote.act,
            from_log=vote.from_log,
        )
        for pair, side in comparisons
        for vote in pair.votes
    )
    # a person may have voted in several pairs: they agree if they chose the text more often than not
    net: Counter[str] = Counter()
    for verdict in verdicts:
        net[verdict.person_id] += OUTCOMES[verdict.answer]
    agreeing = [person_id for person_id, sum_ in net.items() if (sum_ > 0 if label else sum_ < 0)]
    by_person = _weight_by_person(verdicts)
    sides = [pair.sides[side] for pair, side in comparisons]
    of_text = {name for side in sides for name in (*side.message_ids, *side.rewrite_of)}
    whence_text = whence((contexts[name] for name in of_text if name in contexts), ())
    return LabelledCompletion(
        label_id=label_id,
        prompt=comparisons[0][0].prompt,
        completion=Side(
            text=sides[0].text,
            origin=next(origin for origin in _ORIGINS if any(side.origin is origin for side in sides)),
            message_ids=distinct(message_id for side in sides for message_id in side.message_ids),
            models=distinct(model for side in sides for model in side.models),
            rewrite_of=distinct(name for side in sides for name in side.rewrite_of),
        ),
        label=label,
        basis=Basis.PAIRS,
        verdicts=verdicts,
        agreement=len(agreeing) / len(net),
        weight=sum(by_person[person_id] for person_id in agreeing) / len(net),
        conversation_ids=distinct(
            conversation_id for pair, _ in comparisons for conversation_id in pair.conversation_ids
        ),
        licences=whence_text["licences"],
        sources=whence_text["sources"],
        rules_versions=distinct(version for pair, _ in comparisons for version in pair.rules_versions),
        writers=tuple({by.annotation_id: by for pair, _ in comparisons for by in pair.writers}.values()),
        adjudicated=any(pair.adjudicated is not None for pair, _ in comparisons),
    )
