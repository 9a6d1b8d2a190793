"""The kinds of tasks: what they look like, what they can be made of, and what each one shows."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Protocol

from task_generators.kinds import preference, qualitative
from task_generators.kinds.candidates import Finder, TaskCandidate
from workspaces.records import TaskKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workspaces.forms import Form, TaskContent
    from workspaces.records import Conversation, SeedFeedback, Task

__all__ = ["KINDS", "Kind", "TaskCandidate", "candidates", "form_of"]


class Kind(Protocol):
    """What a module of a task kind offers."""

    def form(self, guidelines: str) -> Form:
        """Return what every task of this kind looks like."""
        ...

    def finder(self, seeds: Mapping[str, SeedFeedback], *, trivial: bool = False) -> Finder:
        """Return what finds candidates among responses with seed feedback; ``trivial``: also what decides itself."""
        ...

    def content(
        self, task: Task, conversations: Mapping[str, Conversation], seed: SeedFeedback | None = None
    ) -> TaskContent:
        """Return what one task shows; with ``seed`` also that machine's opinion."""
        ...


KINDS: dict[TaskKind, Kind] = {TaskKind.QUALITATIVE: qualitative, TaskKind.PREFERENCE: preference}


def candidates(
    kinds: Iterable[TaskKind],
    conversations: Iterable[Conversation],
    seeds: Mapping[str, SeedFeedback],
    *,
    trivial: bool = False,
) -> Iterator[TaskCandidate]:
    """Yield what tasks of these kinds could be made of, in one pass over the conversations.

    Args:
        kinds: those that are looked for.
        conversations: each is looked at once and not kept.
        seeds: the newest seed feedback by message id; a response without any is no candidate.
        trivial: also yield what decides itself.
    """
    finders = [KINDS[kind].finder(seeds, trivial=trivial) for kind in kinds]
    for conversation in conversations:
        for finder in finders:
            yield from finder.look(conversation)
    for finder in finders:
        yield from finder.rest()


def form_of(kind: TaskKind) -> Form:
    """Return the form of a kind, with the guidelines that annotators read."""
    guidelines = files("task_generators.kinds") / "guidelines" / f"{kind.value}.md"
    return KINDS[kind].form(guidelines.read_text(encoding="utf-8"))
