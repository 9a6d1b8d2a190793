"""What Label Studio's REST API answers (1.23.2), as far as the adapter reads it.

What members can write as they like (a task's data, the author and the result of an annotation) is taken as any
object: the adapter decides what of it is an answer to a task of ours.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from workspaces.platforms.shapes import Shape

MOST_SECONDS = 30 * 86_400
"""The longest time on one task that is believed."""


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


class Version(Shape):
    """The server's version."""

    release: str = "?"


class TokenSettings(Shape):
    """Which tokens the organization accepts."""

    legacy_api_tokens_enabled: bool


class Invitation(Shape):
    """The path at which people can sign up."""

    invite_url: str


class User(Shape):
    """A member; one who was removed has no e-mail address any more."""

    id: int
    email: str


class Project(Shape):
    """A project; a listing may leave out when it was made and how many tasks it has."""

    id: int
    description: str | None = None
    created_at: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    task_number: int | None = None


class Projects(Shape):
    """A page of projects; ``next`` is the address of the page after it."""

    results: list[Project]
    next: str | None = None


class Annotation(Shape):
    """An annotation. ``updated_by`` is None only where it was imported."""

    id: int
    completed_by: object = None
    created_username: str | None = None
    updated_by: object
    created_at: Annotated[datetime, AfterValidator(_in_utc)]
    updated_at: Annotated[datetime, AfterValidator(_in_utc)]
    was_cancelled: bool | None = None
    result: object = None
    lead_time: object = None

    @property
    def seconds(self) -> float | None:
        """How long the person had the task open; None where that is not told, or is no time that anybody takes.

        The browser of the person tells it: it proves nothing.
        """
        told = self.lead_time
        if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told <= MOST_SECONDS:
            return None
        return float(told)


class Task(Shape):
    """A task. The counts are zero together while nobody has answered or skipped it; a listing may leave them out."""

    id: int
    project: int | None = None
    created_at: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    data: dict[str, object] = Field(default_factory=dict)
    total_annotations: int = 0
    cancelled_annotations: int = 0
    annotations: tuple[Annotation, ...] = ()

    @property
    def is_answered(self) -> bool:
        """Whether anybody has answered or skipped the task."""
        return bool(self.total_annotations or self.cancelled_annotations)


class Tasks(Shape):
    """A page of tasks; ``total`` counts all that the query finds, those on this page included."""

    tasks: list[Task]
    total: int


class Processed(Shape):
    """How many tasks an action changed."""

    processed_items: int


class Webhook(Shape):
    """A webhook; what stands in ``headers`` is sent with each event."""

    id: int
    project: int | None = None
    url: str
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    actions: frozenset[str] = frozenset()
    send_payload: bool = True
    send_for_all_actions: bool = True
    is_active: bool = True
    updated_at: Annotated[datetime, AfterValidator(_in_utc)]


class ProjectInEvent(Shape):
    """A project in an event."""

    id: int


class AnnotationInEvent(Shape):
    """An annotation in an event: a deleted one has its number alone."""

    id: int
    task: int | None = None
    updated_at: Annotated[datetime, AfterValidator(_in_utc)] | None = None


class AnnotationEvent(Shape):
    """An event about annotations."""

    action: str
    project: ProjectInEvent
    annotation: AnnotationInEvent | list[AnnotationInEvent] | None = None
    annotations: Annotated[list[AnnotationInEvent], Field(max_length=5_000)] = Field(default_factory=list)

    @property
    def all(self) -> list[AnnotationInEvent]:
        """The annotations, however many."""
        one = self.annotation
        first = [] if one is None else one if isinstance(one, list) else [one]
        return [*first, *self.annotations]
