"""A task kind as data: what it shows, what it asks and what is paid for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

from workspaces.kinds.questions import ChoiceQuestion, ComparisonQuestion, ScoreQuestion, TextQuestion
from workspaces.kinds.ranking import RankingQuestion

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
        responses: how many responses a task shows, or the fewest.
        most_responses: the most, where tasks differ; None: as many as ``responses``. Each number has a form of its
            own, and fields with a larger ``response`` are not on it.
        fields: the fields of the form that show the chat log, in order.
        questions: the questions, in order of display.
        parts: the paid parts.
        guidelines: the guidelines for annotators, in Markdown.
        side_by_side: names of fields to show next to each other if the platform can.
        weight: the default of ``mix.kinds.NAME``: 0 for a kind that a lead has to request.
        any_question: the question for any other name; for feedback that comes with chat logs.
        imported: whether its answers only come with chat logs: no platform asks it, and nobody is paid for it.
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
    most_responses: int | None = None

    def __post_init__(self) -> None:
        names = [question.name for question in self.questions]
        if len(set(names)) != len(names):
            raise ValueError(f"kind {self.name!r}: two questions have one name")
        for part in self.parts:
            if unknown := set(part.questions) - set(names):
                raise ValueError(f"kind {self.name!r}: part {part.name!r} names {', '.join(sorted(unknown))}")
        if self.comparison is not None and self.responses != 2:
            raise ValueError(f"kind {self.name!r}: a comparison shows two responses")
        if self.ranking is not None and len(self.ranking.options) != self.sizes[-1]:
            raise ValueError(f"kind {self.name!r}: a ranking has an option for each response")
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
    def ranking(self) -> RankingQuestion | None:
        """The question that ranks the responses; None if the kind has none."""
        return next((q for q in self.questions if isinstance(q, RankingQuestion)), None)

    @property
    def compares(self) -> ComparisonQuestion | RankingQuestion | None:
        """The question whose votes say which of two responses is better; None if the kind has none."""
        return self.comparison or self.ranking

    @property
    def sizes(self) -> range:
        """The numbers of responses that tasks show."""
        return range(self.responses, (self.most_responses or self.responses) + 1)

    @cached_property
    def _by_size(self) -> dict[int, Kind]:
        return {
            size: replace(
                self,
                title=f"{self.title} ({size})",
                responses=size,
                most_responses=None,
                fields=tuple(each for each in self.fields if each.response is None or each.response < size),
                side_by_side=tuple(
                    each.name
                    for each in self.fields
                    if each.name in self.side_by_side and (each.response or 0) < size
                ),
                questions=tuple(
                    question.showing(size) if isinstance(question, RankingQuestion) else question
                    for question in self.questions
                ),
            )
            for size in self.sizes
        }

    def showing(self, responses: int) -> Kind:
        """Return the kind as tasks with that many responses have it.

        Raises:
            KeyError: its tasks never show so many.
        """
        return self if self.most_responses is None else self._by_size[responses]

    def form_name(self, responses: int) -> str:
        """Return the name of the form of tasks with that many responses, which platforms keep them under."""
        return self.name if self.most_responses is None else f"{self.name}_{responses}"

    @property
    def forms(self) -> Mapping[str, Kind]:
        """The kind as each of its forms shows it, by the name of the form."""
        return {self.form_name(size): self.showing(size) for size in self.sizes}

    @cached_property
    def rewrite(self) -> TextQuestion | None:
        """The question for a better version of the response; None if the kind has none."""
        return next((q for q in self.questions if isinstance(q, TextQuestion) and q.rewrites), None)

    def rewrite_in(self, answers: Mapping[str, str]) -> str:
        """Return the rewrite among the answers to a task; empty without one."""
        return answers.get(self.rewrite.name, "") if self.rewrite is not None else ""

    def reason_in(self, answers: Mapping[str, str]) -> str:
        """Return what a person wrote about their choice among the answers to a task; empty if they wrote nothing."""
        texts = (q for q in self.questions if isinstance(q, TextQuestion) and not q.rewrites)
        return next((answers[question.name] for question in texts if question.name in answers), "")

    @property
    def is_scored(self) -> bool:
        """Whether its answers are scores, which have no right answer that a majority could find."""
        return self.any_question is not None

    @cached_property
    def seeded(self) -> tuple[ChoiceQuestion, ...]:
        """The questions that seed feedback also answers."""
        return tuple(question for question in self.choices if question.seeded)

    def item(self, message_ids: Sequence[str]) -> str:
        """Return the item that responses make together: their ids, ascending, joined by ``|``."""
        return "|".join(sorted(message_ids))

    def items(self, message_ids: Sequence[str]) -> tuple[str, ...]:
        """Return the items that a task's votes are about: all its responses, or in a ranking each two of them."""
        if self.ranking is None:
            return (self.item(message_ids),)
        return tuple(self.item(pair) for pair in combinations(message_ids, 2))

    def votes(self, answers: Mapping[str, str], message_ids: Sequence[str]) -> Iterator[tuple[str, str, str]]:
        """Yield (question, item, vote) for the answers to one task, independent of the display order.

        Free text gives no votes, a ranking one for each two responses. ``message_ids`` are the responses in the order
        of display.

        Raises:
            ValueError: an answer that the question does not allow.
        """
        item = self.item(message_ids)
        for question in self._asked_in(answers):
            if isinstance(question, RankingQuestion):
                # a platform may take a ranking of some of the responses: it says nothing that can be counted
                if question.showing(len(message_ids)).is_complete(answers[question.name]):
                    for (left, right), vote in question.comparisons(answers[question.name], message_ids):
                        yield question.name, self.item((message_ids[left], message_ids[right])), vote
            elif not isinstance(question, TextQuestion):
                yield question.name, item, question.vote(answers[question.name], message_ids)

    def is_done(
        self,
        part: str,
        answers: Mapping[str, str],
        response: str | None = None,
        responses: int | None = None,
    ) -> bool:
        """Return whether a paid part is answered in full; False for a part that the kind does not have.

        ``response`` is the text that a rewrite would replace; None if it is no longer known. ``responses`` is how many
        the task shows; None: as many as the kind does at least.
        """
        if responses is not None and self.most_responses is not None:
            return self.showing(responses).is_done(part, answers, response)
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
