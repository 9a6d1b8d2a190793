"""What Argilla's REST API answers (2.8.0), as far as the adapter reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from workspaces.platforms.shapes import Shape


def _in_utc(moment: datetime) -> datetime:
    """Return a time of the server, which sends UTC without saying so, as an aware one."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Id = Annotated[str, Field(pattern="^[0-9a-f-]{36}$")]
"""An id in what others send."""


class Version(Shape):
    """The server's version."""

    version: str = "of unknown version"


class User(Shape):
    """An account."""

    id: str
    username: str
    role: str


class Users(Shape):
    """All accounts."""

    items: list[User]


class NamedWorkspace(Shape):
    """An Argilla workspace."""

    id: str
    name: str


class Workspaces(Shape):
    """The workspaces that the key can see."""

    items: list[NamedWorkspace]


class Distribution(Shape):
    """How many people answer a record before it counts as completed."""

    strategy: str
    min_submitted: int


class Dataset(Shape):
    """A dataset; its status is ``ready`` once it is published."""

    id: str
    name: str
    workspace_id: str
    status: str
    guidelines: str | None
    distribution: Distribution
    metadata: dict[str, object] | None = None


class Progress(Shape):
    """How many records a dataset has."""

    total: int


class Datasets(Shape):
    """The datasets that the key can see."""

    items: list[Dataset]


class Option(Shape):
    """An option of a question."""

    value: str
    text: str | None = None


class QuestionSettings(Shape):
    """What a question offers."""

    type: str
    options: list[Option] = Field(default_factory=list)


class Question(Shape):
    """A question of a dataset."""

    id: str
    name: str
    title: str | None = None
    description: str | None = None
    settings: QuestionSettings | None = None


class Questions(Shape):
    """The questions of a dataset."""

    items: list[Question]


class ShownField(Shape):
    """A field of a dataset."""

    id: str
    name: str
    title: str | None = None


class ShownFields(Shape):
    """The fields of a dataset."""

    items: list[ShownField]


class Response(Shape):
    """One person's answer to a record; ``values`` maps question names to ``{"value": ...}``."""

    id: str
    user_id: str
    status: str
    updated_at: Annotated[datetime, AfterValidator(_in_utc)]
    values: object = None


class Record(Shape):
    """A record; ``external_id`` is our task id, or another one, or none."""

    id: str
    external_id: str | None = None
    responses: list[Response] | None = None


class Records(Shape):
    """Records that were written."""

    items: list[Record]


class Hit(Shape):
    """A record that a query finds."""

    record: Record


class Served(Shape):
    """When a record was first served to an annotator (argilla-sql-search)."""

    record_id: str
    user_id: str
    served_at: Annotated[datetime, AfterValidator(_in_utc)]


class ServedPage(Shape):
    """A page of these."""

    items: list[Served]


class Routing(Shape):
    """Whether a dataset is routed (argilla-sql-search)."""

    routed: bool


class AssignmentRow(Shape):
    """A record that is given to a user (argilla-sql-search); ``state`` is open, answered or expired."""

    record_id: str
    user_id: str
    position: int
    state: str
    expires_at: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    served_at: Annotated[datetime, AfterValidator(_in_utc)] | None = None


class AssignmentPage(Shape):
    """A page of these, and how many there are."""

    items: list[AssignmentRow]
    total: int


class Written(Shape):
    """How many assignments were written."""

    written: int


class Withdrawn(Shape):
    """How many assignments were withdrawn."""

    withdrawn: int


class Hits(Shape):
    """A page of a query's answer."""

    items: list[Hit]


class Changed(Response):
    """An answer that changed lately, with the record where it stands (argilla-sql-search)."""

    record_id: str
    external_id: str | None = None
    served_at: Annotated[datetime, AfterValidator(_in_utc)] | None = None


class ChangedPage(Shape):
    """A page of these."""

    items: list[Changed]


class Webhook(Shape):
    """A webhook; its secret signs the events."""

    id: str
    url: str
    secret: SecretStr
    events: list[str]
    enabled: bool
    updated_at: Annotated[datetime, AfterValidator(_in_utc)]


class Webhooks(Shape):
    """The webhooks of a server."""

    items: list[Webhook]


class NamedDataset(Shape):
    """A dataset in an event."""

    id: Id


class RecordInEvent(Shape):
    """A record in an event."""

    id: Id
    dataset: NamedDataset


class ResponseInEvent(Shape):
    """An answer in an event; its values and the name of its author are passed over."""

    id: Id
    record: RecordInEvent
    updated_at: Annotated[datetime, AfterValidator(_in_utc)]


class ResponseEvent(Shape):
    """An event about an answer."""

    type: str
    data: ResponseInEvent
