"""A task kind as data: what it shows, what it asks and what is paid for."""

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
    """A field of the form that shows turns of a chat log: the conversation so far, or one of the task's responses.

    ``response`` is the index of the response, from 0; None: the messages before the first response.
    """

    name: str
    title: str
    response: int | None = None


@dataclass(frozen=True, slots=True)
class PaidPart:
    """A part of a task that is paid when all of its ``questions`` are answered.

    Args:
        name: its key in quotes, in the ledger and under ``rates`` in the configuration; unique among all kinds.
        questions: names of questions.
        points: the default of ``rates.NAME``, in Compute Points before significance.
        offer: its name in the offer to annotators ("4 points for your choice").
        description: its name in the comments of the configuration.
    """

    name: str
    questions: tuple[str, ...]
    points: int
    offer: str
    description: str


@dataclass(frozen=True)
class Kind:
    """The declaration of a task kind: the only place that defines what annotators see, answer and are paid for.

    Pricing, gold, votes, agreement, posteriors, the report, exports, both platforms' forms, the demo's people and the
    checks of the configuration read it. ``task_generators.candidates.GeneratedKind`` adds what tasks are made of.

    Args:
        name: the name in the store and in the configuration; it never changes.
        title: the title that annotators read.
        responses: how many responses a task shows.
        fields: the fields of the form that show the chat log, in order.
        questions: the questions, in order of display.
        parts: the paid parts.
        guidelines: the guidelines for annotators, in Markdown.
        side_by_side: names of fields to show next to each other if the platform can.
        weight: the default of ``mix.kinds.NAME``: 0 for a kind that a lead has to request.
        any_question: the question for any other name; for feedback that comes with chat logs.
        imported: whether its answers only come with chat logs: no platform asks it, and nobody is paid for it.
        judges_rewrites: whether its comparison shows a rewrite and the response that it replaces: its vote accepts the
            rewrite, and what the writer answers about their own rewrite never counts and earns nothing.
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
    judges_rewrites: bool = False

    def __post_init__(self) -> None:
        names = [question.name for question in self.questions]
        if len(set(names)) != len(names):
            raise ValueError(f"kind {self.name!r}: two questions have one name")
        for part in self.parts:
            if unknown := set(part.questions) - set(names):
                raise ValueError(f"kind {self.name!r}: part {part.name!r} names {', '.join(sorted(unknown))}")
        if self.comparison is not None and self.responses != 2:
            raise ValueError(f"kind {self.name!r}: a comparison shows two responses")
        if self.judges_rewrites and self.comparison is None:
            raise ValueError(f"kind {self.name!r}: rewrites are judged by a comparison")
        about_one = self.rewrite or next((q for q in self.choices if q.seeded or q.label is not None), None)
        if about_one is not None and self.responses != 1:
            raise ValueError(
                f"kind {self.name!r}: question {about_one.name!r} rewrites, labels or shares with the seed feedback "
                f"one response, but a task shows {self.responses}"
            )

    @cached_property
    def _by_name(self) -> dict[str, Question]:
        return {question.name: question for question in self.questions}

    def question(self, name: str) -> Question:
        """Return the question with this name.

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
        """The question that compares two responses; None if the kind has none."""
        return next((q for q in self.questions if isinstance(q, ComparisonQuestion)), None)

    @cached_property
    def rewrite(self) -> TextQuestion | None:
        """The question for a better version of the response; None if the kind has none."""
        return next((q for q in self.questions if isinstance(q, TextQuestion) and q.rewrites), None)

    def rewrite_in(self, answers: Mapping[str, str]) -> str:
        """Return the rewrite among the answers to a task; empty without one."""
        return answers.get(self.rewrite.name, "") if self.rewrite is not None else ""

    @property
    def is_scored(self) -> bool:
        """Whether its answers are scores, which have no right answer that a majority could find."""
        return self.any_question is not None

    @cached_property
    def seeded(self) -> tuple[ChoiceQuestion, ...]:
        """The questions that seed feedback also answers."""
        return tuple(question for question in self.choices if question.seeded)

    def item(self, message_ids: Sequence[str]) -> str:
        """Return the item that a task asks about: the ids of its responses, ascending, joined by ``|``."""
        return "|".join(sorted(message_ids))

    def votes(self, answers: Mapping[str, str], message_ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """Yield (question, item, vote) for the answers to one task, independent of the display order.

        Free text gives no votes. ``message_ids`` are the responses in the order of display.

        Raises:
            ValueError: an answer that the question does not allow.
        """
        item = self.item(message_ids)
        for question in self._asked_in(answers):
            if not isinstance(question, TextQuestion):
                yield question.name, item, question.vote(answers[question.name], message_ids)

    def is_done(self, part: str, answers: Mapping[str, str], response: str | None = None) -> bool:
        """Return whether a paid part is answered in full; False for a part that the kind does not have.

        ``response`` is the text that a rewrite would replace; None if it is no longer known.
        """
        questions = next((paid.questions for paid in self.parts if paid.name == part), None)
        return questions is not None and all(
            question.is_complete(answers.get(name), response)
            if isinstance(question := self._by_name[name], TextQuestion)
            else question.is_complete(answers.get(name))
            for name in questions
        )

    def can_vest(self, part: str) -> bool:
        """Return whether a paid part asks for choices alone, which other people's answers can settle."""
        questions = next((paid.questions for paid in self.parts if paid.name == part), ())
        choices = {question.name for question in self.choices}
        return bool(questions) and not self.is_scored and choices.issuperset(questions)

    def _asked_in(self, answers: Mapping[str, str]) -> Iterator[Question]:
        if self.any_question is not None:
            yield from (self.question(name) for name in answers)
        else:
            yield from (question for question in self.questions if question.name in answers)


def read_guidelines(module: str) -> str:
    """Return ``guidelines/NAME.md`` beside the module ``PACKAGE.NAME`` that declares a kind."""
    package, _, name = module.rpartition(".")
    return files(package).joinpath("guidelines", f"{name}.md").read_text(encoding="utf-8")
