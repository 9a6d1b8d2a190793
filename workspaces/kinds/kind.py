"""A task kind as data: what it shows, what it asks and what is paid for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Self, TypeAlias

from workspaces.kinds.each_response import EachResponseQuestion
from workspaces.kinds.multiple import MultipleChoiceQuestion
from workspaces.kinds.questions import (
    ChoiceQuestion,
    ComparisonQuestion,
    ScoreQuestion,
    together,
)
from workspaces.kinds.ranking import RankingQuestion
from workspaces.kinds.texts import TextQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workspaces.kinds.questions import Counted

Question: TypeAlias = (
    ChoiceQuestion | ComparisonQuestion | MultipleChoiceQuestion | ScoreQuestion | TextQuestion
)
"""Any question that a task asks, or that came with a chat log."""


@dataclass(frozen=True, slots=True)
class ChatField:
    """A field of the form that shows turns of a chat log: the conversation so far, or one of the task's responses.

    ``response`` is the index of the response, from 0; None: the messages before the first response. ``whole``: all
    messages up to the last one that the task names, with a number at each response that is asked about by itself.
    """

    name: str
    title: str
    response: int | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class PaidPart:
    """A part of a task that is paid when all of its ``questions`` are answered.

    Args:
        name: its key in quotes, in the ledger and under ``rates`` in the configuration; unique among all kinds.
        questions: names of questions.
        points: the default of ``rates.NAME``, in Compute Points before significance.
        offer: its name in the offer to annotators ("4 points for your choice").
        description: its name in the comments of the configuration.
        rate: its key under ``rates``, where several parts share one; default: ``name``.
    """

    name: str
    questions: tuple[str, ...]
    points: int
    offer: str
    description: str
    rate: str = ""

    @property
    def rate_key(self) -> str:
        """Its key under ``rates`` in the configuration."""
        return self.rate or self.name


@dataclass(frozen=True)
class Kind:
    """The declaration of a task kind: the only place that defines what annotators see, answer and are paid for.

    Pricing, gold, votes, agreement, posteriors, the report, exports, both platforms' forms, the demo's people and the
    checks of the configuration read it. ``task_generators.candidates.GeneratedKind`` adds what tasks are made of.

    Args:
        name: the name in the store and in the configuration; it never changes.
        title: the title that annotators read.
        responses: how many responses a task shows; with ``fewest``, at most.
        fewest: how many responses a task shows at least, where tasks of the kind differ; None: ``responses``. A
            platform then has a form for each number of responses (``showing``).
        of_conversation: whether a task asks about a conversation as a whole: that is its item, and the task names
            the last message that it shows.
        warns: whether its guidelines warn of harmful texts, so that ``select.show_flagged`` may open flags to it.
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
        by_rubric: whether its questions are the criteria of a rubric. Such a kind declares no questions and one paid
            part, that of a criterion; every rubric of a workspace makes a kind of it (``workspaces.kinds.rubric``).
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
    fewest: int | None = None
    of_conversation: bool = False
    warns: bool = False
    judges_rewrites: bool = False
    by_rubric: bool = False

    def __post_init__(self) -> None:
        names = [question.name for question in self.questions]
        if len(set(names)) != len(names):
            raise ValueError(f"kind {self.name!r}: two questions have one name")
        for part in self.parts:
            if unknown := set(part.questions) - set(names):
                raise ValueError(f"kind {self.name!r}: part {part.name!r} names {', '.join(sorted(unknown))}")
        if self.comparison is not None and self.responses != 2:
            raise ValueError(f"kind {self.name!r}: a comparison shows two responses")
        if self.ranking is not None and len(self.ranking.options) != self.responses:
            raise ValueError(f"kind {self.name!r}: a ranking has an option for each response")
        if self.of_conversation and self.responses != 1:
            raise ValueError(f"kind {self.name!r}: a conversation as a whole is shown up to one message")
        if beyond := [q.name for q in self.each_response if q.response >= self.responses]:
            raise ValueError(f"kind {self.name!r}: {beyond[0]!r} asks about a response that no task shows")
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
        counted = {question.name: question for question in self.counted}
        return counted | {question.name: question for question in self.questions}

    @cached_property
    def _counted_for(self) -> dict[str, tuple[Counted, ...]]:
        return {question.name: question.counted for question in self.questions}

    @cached_property
    def counted(self) -> tuple[Counted, ...]:
        """The questions that votes name, each once: what agreement is measured on."""
        every = {it.name: it for counted in self._counted_for.values() for it in counted}
        return tuple(every.values())

    @cached_property
    def each_response(self) -> tuple[EachResponseQuestion, ...]:
        """The questions about one of several responses by itself."""
        return tuple(question for question in self.questions if isinstance(question, EachResponseQuestion))

    @cached_property
    def _by_size(self) -> dict[int, Self]:
        return {size: self if size == self.responses else self._cut(size) for size in self.sizes}

    def _cut(self, responses: int) -> Self:
        left_out = {question.name for question in self.each_response if question.response >= responses}
        fields = tuple(it for it in self.fields if it.response is None or it.response < responses)
        shown = {it.name for it in fields}
        return replace(
            self,
            responses=responses,
            fields=fields,
            side_by_side=tuple(name for name in self.side_by_side if name in shown),
            questions=tuple(
                question.showing(responses) if isinstance(question, RankingQuestion) else question
                for question in self.questions
                if question.name not in left_out
            ),
            parts=tuple(part for part in self.parts if left_out.isdisjoint(part.questions)),
        )

    def showing(self, responses: int) -> Self:
        """Return the kind as a task with this many responses asks it: itself where all tasks show as many.

        Raises:
            ValueError: the kind has no such tasks.
        """
        if self.fewest is None or responses == self.responses:
            return self
        if responses not in self.sizes:
            raise ValueError(
                f"{self.name!r} tasks show {self.fewest} to {self.responses} responses (given: {responses})"
            )
        return self._by_size[responses]

    @property
    def sizes(self) -> range:
        """The numbers of responses that tasks show, ascending."""
        return range(self.responses if self.fewest is None else self.fewest, self.responses + 1)

    @property
    def forms(self) -> Mapping[str, Self]:
        """The kind for each number of responses, by the name under which a platform keeps such tasks; ascending."""
        return {sized.container: sized for sized in map(self.showing, self.sizes)}

    @property
    def container(self) -> str:
        """The name by which a platform keeps the tasks that show as many responses."""
        return self.name if self.fewest is None else f"{self.name}_{self.responses}"

    @property
    def form_title(self) -> str:
        """What people see above tasks that show as many responses."""
        return self.title if self.fewest is None else f"{self.title} ({self.responses})"

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
    def with_options(self) -> Mapping[str, ChoiceQuestion | MultipleChoiceQuestion]:
        """The questions that are answered by choosing one or several options, by name."""
        return {
            question.name: question
            for question in self.questions
            if isinstance(question, ChoiceQuestion | MultipleChoiceQuestion)
        }

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

    @cached_property
    def rewrite(self) -> TextQuestion | None:
        """The question for a better version of the response; None if the kind has none."""
        return next((q for q in self.questions if isinstance(q, TextQuestion) and q.rewrites), None)

    def rewrite_in(self, answers: Mapping[str, str]) -> str:
        """Return the rewrite among the answers to a task; empty without one."""
        return answers.get(self.rewrite.name, "") if self.rewrite is not None else ""

    def texts_in(self, answers: Mapping[str, str]) -> list[str]:
        """Return the free texts among the answers to a task, without empty ones."""
        names = (question.name for question in self.questions if isinstance(question, TextQuestion))
        return [text for name in names if (text := answers.get(name))]

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

    def item(self, message_ids: Sequence[str], conversation_ids: Sequence[str] = ()) -> str:
        """Return the item that a task as a whole asks about.

        It is the conversation for a kind ``of_conversation``; otherwise the ids of the responses, ascending, joined by
        ``|``.

        Raises:
            ValueError: the kind is ``of_conversation``, and ``conversation_ids`` is empty.
        """
        if self.of_conversation:
            (conversation_id,) = conversation_ids
            return conversation_id
        return together(message_ids)

    def items(self, message_ids: Sequence[str], conversation_ids: Sequence[str] = ()) -> tuple[str, ...]:
        """Return every item that an answer to a task can vote on, each once; see ``item``."""
        whole = self.item(message_ids, conversation_ids)
        items = [item for question in self.questions for item in question.items(message_ids, whole)]
        return tuple(dict.fromkeys(items or [whole]))

    def voted_on(
        self, message_ids: Sequence[str], conversation_ids: Sequence[str] = ()
    ) -> tuple[tuple[str, str], ...]:
        """Return every (question, item) that an answer to a task can vote on."""
        whole = self.item(message_ids, conversation_ids)
        return tuple(
            (counted.name, item)
            for question in self.questions
            for counted in self._counted_for[question.name]
            for item in question.items(message_ids, whole)
        )

    def votes(
        self, answers: Mapping[str, str], message_ids: Sequence[str], conversation_ids: Sequence[str] = ()
    ) -> Iterator[tuple[str, str, str]]:
        """Yield (question, item, vote) for the answers to one task, independent of the display order.

        Free text gives no votes, a ranking one for each two responses. A question that is not in ``counted`` has its
        votes under the names of those that it counts for. ``message_ids`` are the responses in the order of display.

        Raises:
            ValueError: an answer that the question does not allow.
        """
        item = self.item(message_ids, conversation_ids)
        for question in self._asked_in(answers):
            yield from question.cast(answers[question.name], message_ids, item)

    def settled_by(
        self, part: str, message_ids: Sequence[str], conversation_ids: Sequence[str] = ()
    ) -> Iterator[tuple[str, str]]:
        """Yield the (question, item) whose votes settle a paid part of a task."""
        whole = self.item(message_ids, conversation_ids)
        for name in next((paid.questions for paid in self.parts if paid.name == part), ()):
            question = self._by_name[name]
            for counted in self._counted_for[name]:
                for item in question.items(message_ids, whole):
                    yield counted.name, item

    def is_done(
        self,
        part: str,
        answers: Mapping[str, str],
        response: str | None = None,
        responses: int | None = None,
    ) -> bool:
        """Return whether a paid part is answered in full; False for a part that the kind does not have.

        ``response`` is the text that a rewrite would replace; None if it is no longer known. ``responses`` is how many
        the task shows; None: as many as the kind does at most.
        """
        if responses is not None and self.fewest is not None:
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
        names = next((paid.questions for paid in self.parts if paid.name == part), ())
        return bool(names) and not self.is_scored and all(self._counted_for[name] for name in names)

    def _asked_in(self, answers: Mapping[str, str]) -> Iterator[Question]:
        if self.any_question is not None:
            yield from (self.question(name) for name in answers)
        else:
            yield from (question for question in self.questions if question.name in answers)


def read_guidelines(module: str) -> str:
    """Return ``guidelines/NAME.md`` beside the module ``PACKAGE.NAME`` that declares a kind."""
    package, _, name = module.rpartition(".")
    return files(package).joinpath("guidelines", f"{name}.md").read_text(encoding="utf-8")
