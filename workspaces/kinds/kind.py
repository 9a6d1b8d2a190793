"""A task kind as data: what it shows, what it asks, what is paid."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING

from workspaces.kinds.questions import ChoiceQuestion, ComparisonQuestion, ScoreQuestion, TextQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workspaces.kinds.questions import Question


@dataclass(frozen=True, slots=True)
class ChatField:
    """A place where turns of a chat log are shown: the conversation so far, or one of the responses of the task.

    ``response`` is the place of that response among those shown, from 0; None: what stands before the first one.
    """

    name: str
    title: str
    response: int | None = None


@dataclass(frozen=True, slots=True)
class PaidPart:
    """What is paid together: all of these ``questions`` answered.

    Args:
        name: its key in quotes, in the ledger and under ``rates`` in the configuration; unique among all kinds.
        questions: names of questions.
        points: the default of ``rates.NAME``, in Compute Points before significance.
        offer: how it is called in the offer to annotators ("4 points for your choice").
        description: how it is called in the configuration's comments.
    """

    name: str
    questions: tuple[str, ...]
    points: int
    offer: str
    description: str


@dataclass(frozen=True)
class Kind:
    """What annotators are asked to do, declared once.

    Pricing, gold, votes, agreement, posteriors, the report, exports, both platforms' forms, the demo's people and the
    configuration's checks read it. What tasks of it are made of is ``task_generators.kinds.GeneratedKind``.

    Args:
        name: as stored and as written in the configuration; never changed.
        title: what annotators read.
        responses: how many responses a task shows.
        fields: where they are shown, in order.
        questions: what is asked, in order of display.
        parts: what is paid.
        guidelines: for annotators, Markdown.
        side_by_side: names of fields best shown next to each other where a platform can.
        weight: the default of ``mix.kinds.NAME``: 0 for a kind that a lead has to ask for.
        any_question: stands for questions of any other name; for feedback that comes with chat logs.
        imported: its answers only come with chat logs: no platform asks it, and nobody is paid for it.
    """

    name: str
    title: str
    responses: int = 1
    fields: tuple[ChatField, ...] = ()
    questions: tuple[Question, ...] = ()
    parts: tuple[PaidPart, ...] = ()
    guidelines: str = ""
    side_by_side: tuple[str, ...] = ()
    weight: float = 0.0
    any_question: ScoreQuestion | None = None
    imported: bool = False

    def __post_init__(self) -> None:
        names = [question.name for question in self.questions]
        if len(set(names)) != len(names):
            raise ValueError(f"kind {self.name!r}: two questions have one name")
        for part in self.parts:
            if unknown := set(part.questions) - set(names):
                raise ValueError(f"kind {self.name!r}: part {part.name!r} names {', '.join(sorted(unknown))}")
        if self.comparison is not None and self.responses != 2:
            raise ValueError(f"kind {self.name!r}: a comparison shows two responses")

    @cached_property
    def _by_name(self) -> dict[str, Question]:
        return {question.name: question for question in self.questions}

    def question(self, name: str) -> Question:
        """Return the question of a name.

        Raises:
            KeyError: the kind asks no such question.
        """
        if name not in self._by_name and self.any_question is not None:
            return replace(self.any_question, name=name)
        return self._by_name[name]

    @cached_property
    def choices(self) -> tuple[ChoiceQuestion, ...]:
        """The questions with options, comparisons among them."""
        return tuple(question for question in self.questions if isinstance(question, ChoiceQuestion))

    @cached_property
    def comparison(self) -> ComparisonQuestion | None:
        """The question which of two responses is better, where the kind asks it."""
        return next((q for q in self.questions if isinstance(q, ComparisonQuestion)), None)

    @cached_property
    def rewrite(self) -> TextQuestion | None:
        """The question for a better version of the response, where the kind asks it."""
        return next((q for q in self.questions if isinstance(q, TextQuestion) and q.rewrites), None)

    def rewrite_in(self, answers: Mapping[str, str]) -> str:
        """Return the rewrite that is among the answers to a task; empty without one."""
        return answers.get(self.rewrite.name, "") if self.rewrite is not None else ""

    @property
    def is_scored(self) -> bool:
        """Whether its answers are numbers, of which none is the right one that a majority could find."""
        return self.any_question is not None

    @cached_property
    def seeded(self) -> tuple[ChoiceQuestion, ...]:
        """The questions that seed feedback answers, too."""
        return tuple(question for question in self.choices if question.seeded)

    def item(self, message_ids: Sequence[str]) -> str:
        """Return the name of what a task asks about: the ids of its responses, ascending, joined by ``|``."""
        return "|".join(sorted(message_ids))

    def votes(self, answers: Mapping[str, str], message_ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """Yield (question, item, vote) for the answers to one task, display order undone.

        Texts are no votes. ``message_ids`` are the responses in the order of display.

        Raises:
            ValueError: an answer that the question does not allow.
        """
        item = self.item(message_ids)
        for question in self._asked_in(answers):
            if not isinstance(question, TextQuestion):
                yield question.name, item, question.vote(answers[question.name], message_ids)

    def is_done(self, part: str, answers: Mapping[str, str], response: str | None = None) -> bool:
        """Return whether a paid part is answered in full; False for a part that the kind does not have.

        ``response`` is the text that a rewrite would replace; None where it is not known any more.
        """
        questions = next((paid.questions for paid in self.parts if paid.name == part), None)
        return questions is not None and all(
            question.is_complete(answers.get(name), response)
            if isinstance(question := self._by_name[name], TextQuestion)
            else question.is_complete(answers.get(name))
            for name in questions
        )

    def _asked_in(self, answers: Mapping[str, str]) -> Iterator[Question]:
        if self.any_question is not None:
            yield from (self.question(name) for name in answers)
        else:
            yield from (question for question in self.questions if question.name in answers)


def read_guidelines(module: str) -> str:
    """Return ``guidelines/NAME.md`` beside the module ``PACKAGE.NAME`` that declares a kind."""
    package, _, name = module.rpartition(".")
    return files(package).joinpath("guidelines", f"{name}.md").read_text(encoding="utf-8")
