"""Pairs that people's rewrites make: an edit with the feedback that led to it, and a pair with a reference."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from exports.context import canonical, clean, distinct
from exports.judgments import Act
from exports.pairs import Origin, PreferencePair
from workspaces.kinds import ChoiceQuestion, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exports.judgments import Judgment
    from workspaces.records import Annotation, Task

WRITTEN = frozenset({Origin.HUMAN_EDIT, Origin.ACCEPTED_REWRITE})
"""The origins of texts that people wrote."""


@dataclass(frozen=True, slots=True)
class Edit(PreferencePair):
    """A rewrite that people prefer to its original; ``feedback`` is what was wrong with the original."""

    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferencedPair(PreferencePair):
    """A pair of responses by models, and a rewrite to the same prompt that people prefer to another response.

    ``reference_judgments`` are those that prefer the rewrite, and ``reference_of`` the responses that it replaces.
    """

    reference: str = ""
    reference_of: tuple[str, ...] = ()
    reference_judgments: tuple[Judgment, ...] = ()

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The votes on the pair, and those that the reference rests on, each once."""
        own = {it.annotation_id: it for it in PreferencePair.judgments.__get__(self)}
        return tuple((own | {it.annotation_id: it for it in self.reference_judgments}).values())

    @property
    def person_ids(self) -> set[str]:
        """Everybody who voted, or wrote a text."""
        return {judgment.person_id for judgment in self.judgments}


def is_edit(pair: PreferencePair) -> bool:
    """Return whether people prefer a rewrite to the response of a model that it replaces."""
    if pair.winner is None or pair.chosen.origin not in WRITTEN or pair.rejected.origin in WRITTEN:
        return False
    return not set(pair.chosen.rewrite_of).isdisjoint(pair.rejected.message_ids)


def edit_of(pair: PreferencePair, annotations: Mapping[str, Annotation], tasks: Mapping[str, Task]) -> Edit:
    """Return a pair as an edit, with what its writers and those who prefer it said of the original.

    What others wrote speaks for the original.
    """
    writers = [it.annotation_id for it in pair.judgments if it.act is Act.REWRITE]
    said = (line for name in writers for line in _feedback(annotations[name], tasks))
    reasons = (vote.reason for vote in pair.votes if vote.reason and vote.preferred == pair.winner)
    return Edit(**_values(pair), feedback=tuple(dict.fromkeys([*said, *reasons])))


def referenced(pairs: Iterable[PreferencePair]) -> list[ReferencedPair]:
    """Return the decided pairs of models' responses to whose prompt people wrote something that others prefer.

    Of several rewrites, the one with the most votes over its original is the reference; of equals, the first by id. One
    that says what a side says is none, and so is one to which people prefer a side.
    """
    pairs = list(pairs)
    beaten = {
        (canonical(pair.prompt), pair.chosen.text, pair.rejected.text)
        for pair in pairs
        if pair.winner is not None and pair.rejected.origin in WRITTEN
    }
    edits: dict[str, list[PreferencePair]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda it: (-it.count(it.winner), it.pair_id)):
        if is_edit(pair):
            edits[canonical(pair.prompt)].append(pair)

    def best(pair: PreferencePair) -> PreferencePair | None:
        said, prompt = {side.text.strip() for side in pair.sides}, canonical(pair.prompt)
        return next(
            (
                it
                for it in edits[prompt]
                if it.chosen.text.strip() not in said
                and beaten.isdisjoint((prompt, side.text, it.chosen.text) for side in pair.sides)
            ),
            None,
        )

    return [
        ReferencedPair(
            **_values(pair)
            | {
                name: distinct([*getattr(pair, name), *getattr(edit, name)])
                for name in ("conversation_ids", "licences", "sources", "rules_versions")
            },
            reference=edit.chosen.text,
            reference_of=edit.chosen.rewrite_of,
            reference_judgments=tuple(edit.judgments),
        )
        for pair in pairs
        if pair.winner is not None
        and not WRITTEN & {side.origin for side in pair.sides}
        and (edit := best(pair)) is not None
    ]


def _values(pair: PreferencePair) -> dict[str, Any]:
    return {field.name: getattr(pair, field.name) for field in fields(PreferencePair)}


def _feedback(annotation: Annotation, tasks: Mapping[str, Task]) -> Iterator[str]:
    """Yield what an answer says against a response: each question that makes it unwanted, and the reason in words."""
    kind = kind_of(tasks[annotation.task_id].kind)
    for question in kind.questions:
        answer = annotation.values.get(question.name)
        if (
            isinstance(question, ChoiceQuestion)
            and question.label is not None
            and answer == question.label.unwanted
        ):
            yield f"{question.title} {question.options[answer]}."
    if reason := clean(kind.reason_in(annotation.values)).strip():
        yield reason
