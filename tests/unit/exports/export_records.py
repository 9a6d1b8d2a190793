"""Short ways to write the records that exports are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from exports import Context, Evidence, contexts_of
from exports.collected import BenchmarkChoice, BenchmarkPrompt, Collected, Moderations
from exports.weights import Weights
from workspaces.kinds import Criterion
from workspaces.records import (
    Annotation,
    AnnotationStatus,
    Conversation,
    Message,
    Role,
    Significance,
    Task,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RUBRIC = "of_exports"
CRITERIA = (Criterion("Names a year.", 2.0), Criterion("Names a source."), Criterion("Insults.", -4.0))


@dataclass
class World:
    """Conversations, tasks and answers, added one by one."""

    conversations: list[Conversation] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    annotations: list[Annotation] = field(default_factory=list)

    @property
    def contexts(self) -> dict[str, Context]:
        return contexts_of(self.conversations)

    def evidence(self) -> Evidence:
        """Return all of it, with a moderation of each message and a benchmark of all prompts."""
        return Evidence(
            self.tasks,
            self.annotations,
            self.contexts,
            Weights(),
            collected=Collected(lambda: self.conversations, self._moderations, self._benchmark),
        )

    def _moderations(self, message_ids: Iterable[str]) -> Moderations:
        return {name: {"test-moderator": ("hate",) if name.endswith("r1") else None} for name in message_ids}

    def _benchmark(self) -> BenchmarkChoice:
        prompts = []
        for place, chat in enumerate(self.conversations):
            asked = next(it.content for it in chat.messages if it.role is Role.USER)
            topic = f"topic {place % 2}"
            prompts.append(BenchmarkPrompt(chat.id, asked, topic, 6.0, "en", chat.source, chat.licence))
        return BenchmarkChoice(tuple(prompts), {"score too low": 2}, {"per_topic": 9}, ("judge-1",))

    def chat(
        self, prompt: str, *responses: str, system: str | None = None, licence: str | None = "mit"
    ) -> list[str]:
        """Add a conversation of one user turn and its answers; return the ids of the answers."""
        name = f"c{len(self.conversations)}"
        before = [] if system is None else [Message(f"{name}s", None, Role.SYSTEM, system)]
        parent = f"{name}s" if before else None
        before.append(Message(f"{name}u", parent, Role.USER, prompt))
        answers = [
            Message(f"{name}r{i}", f"{name}u", Role.ASSISTANT, text, f"model-{i}")
            for i, text in enumerate(responses)
        ]
        self.conversations.append(
            Conversation(name, (*before, *answers), source="test logs", licence=licence)
        )
        return [message.id for message in answers]

    def beginnings(self, *prompts: str) -> list[tuple[str, str]]:
        """Add a conversation that begins with each of these prompts; return the ids of the two answers to each."""
        name = f"c{len(self.conversations)}"
        made, messages = [], [Message(f"{name}s", None, Role.SYSTEM, "")]
        for place, prompt in enumerate(prompts):
            asked = f"{name}u{place}"
            messages.append(Message(asked, f"{name}s", Role.USER, prompt))
            for side in "ab":
                said = f"{side} of {place} in {name}"
                messages.append(Message(f"{asked}{side}", asked, Role.ASSISTANT, said))
            made.append((f"{asked}a", f"{asked}b"))
        self.conversations.append(Conversation(name, tuple(messages), source="test logs", licence="mit"))
        return made

    def task(self, *message_ids: str, rules: str = "rules-1", kind: str | None = None) -> str:
        """Add a task, by default a ranking, a preference or a qualitative one by its messages; return its id."""
        kind = kind or {1: "qualitative", 2: "preference"}.get(len(message_ids), "ranking")
        task_id = f"t{len(self.tasks)}"
        contexts = self.contexts
        conversations = {contexts[each].conversation_id for each in message_ids if each in contexts}
        self.tasks[task_id] = Task(
            id=task_id,
            kind=kind,
            message_ids=message_ids,
            conversation_ids=tuple(sorted(conversations)),
            significance=Significance.LOW,
            quote={"answer": 1},
            rules_version=rules,
            platform="argilla",
            overlap=3,
            created_at=NOW,
        )
        return task_id

    def answer(
        self,
        task_id: str,
        person: str,
        *,
        status: AnnotationStatus = AnnotationStatus.SUBMITTED,
        **values: str,
    ) -> str:
        """Add one person's answer; return its id. Later calls are later answers."""
        annotation_id = f"a{len(self.annotations)}"
        self.annotations.append(
            Annotation(
                id=annotation_id,
                task_id=task_id,
                person_id=person,
                platform="argilla",
                status=status,
                revision=1,
                values=values,
                updated_at=NOW + timedelta(minutes=len(self.annotations)),
            )
        )
        return annotation_id

    def check(self, task_id: str, person: str, *said: str) -> str:
        """Add one person's answers to the criteria of a task of the kind ``rubric_of_exports``; return their id."""
        values = {f"rubric_{RUBRIC}_{number}": answer for number, answer in enumerate(said, start=1)}
        return self.answer(task_id, person, status=AnnotationStatus.SUBMITTED, **values)

    def harm(self, message_id: str, person: str, harms: str, severity: str = "low") -> str:
        """Add a safety task about a response and one person's answer to it; return the answer's id."""
        task = self.task(message_id, kind="safety")
        return self.answer(
            task, person, status=AnnotationStatus.SUBMITTED, harm=harms, severity=severity, harmed="others"
        )

    def rewrite(self, message_id: str, person: str, text: str) -> str:
        """Add a task about a response and one person's better text for it; return the answer's id."""
        return self.answer(self.task(message_id), person, status=AnnotationStatus.SUBMITTED, suggestion=text)

    def votes(self, task_id: str, votes: str) -> None:
        """Add a vote for each letter: a, b, or t for a tie; the first person is p0."""
        for number, vote in enumerate(votes):
            self.answer(task_id, f"p{number}", preference={"t": "tie"}.get(vote, vote))
