"""Labelled completions for KTO: a prompt, a response, and whether the response is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from exports.judgments import Judged
from workspaces.kinds import BOTH_BAD

if TYPE_CHECKING:
    from exports.context import Prompt
    from exports.judgments import Act, Judgment
    from exports.pairs import Side

OUTCOMES = {"chosen": 1, "rejected": -1, "tie": 0, BOTH_BAD: -1}
"""What a vote on a pair says of a side, and how it counts for the side."""


class Basis(StrEnum):
    """The kind of answer that decided a label."""

    TAGS = "tags"
    THUMBS = "thumbs"
    PAIRS = "pairs"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One person's judgment of a completion: a tag for a quality, or a vote in the pair that ``question`` names.

    ``answer`` is ``yes``, ``no``, ``na``; or ``chosen``, ``rejected``, ``tie``, ``both_bad`` as seen from the
    completion.
    """

    annotation_id: str
    task_id: str
    person_id: str
    weight: float
    question: str
    answer: str
    act: Act
    from_log: bool = False


@dataclass(frozen=True, slots=True)
class LabelledCompletion:
    """A completion, its label, and every verdict that the label rests on.

    ``agreement`` is the share of people whose verdicts alone give this label; ``weight`` is the sum of the weights
    of these people / number of all people. ``label_id`` depends on prompt and text alone. ``adjudicated``: a lead
    decided something that it rests on.
    """

    label_id: str
    prompt: Prompt
    completion: Side
    label: bool
    basis: Basis
    verdicts: tuple[Verdict, ...]
    agreement: float
    weight: float
    conversation_ids: tuple[str, ...]
    licences: tuple[str, ...]
    sources: tuple[str, ...]
    rules_versions: tuple[str, ...]
    writers: tuple[Judgment, ...] = ()
    adjudicated: bool = False

    @property
    def id(self) -> str:
        """The same as ``label_id``: every export item has an id."""
        return self.label_id

    @property
    def person_ids(self) -> set[str]:
        """The people who judged this completion, or wrote a side of a pair that it was judged in."""
        return self._judges | {by.person_id for by in self.writers}

    @property
    def models(self) -> tuple[str, ...]:
        """The models that gave the completion."""
        return self.completion.models

    @property
    def _judges(self) -> set[str]:
        return {verdict.person_id for verdict in self.verdicts}

    @property
    def judgments(self) -> tuple[Judgment, ...]:
        """The answers that the verdicts and accepted rewrites were taken from, each once, as the card counts them."""
        given = {
            verdict.annotation_id: Judged(
                verdict.annotation_id, verdict.person_id, verdict.act, verdict.from_log
            )
            for verdict in self.verdicts
        }
        return tuple((given | {by.annotation_id: by for by in self.writers}).values())

    @property
    def n_annotators(self) -> int:
        """Number of people who judged this completion."""
        return len(self._judges)

    def count(self, question: str, answer: str) -> int:
        """Return the number of verdicts that give this answer to this question."""
        return sum(verdict.question == question and verdict.answer == answer for verdict in self.verdicts)
