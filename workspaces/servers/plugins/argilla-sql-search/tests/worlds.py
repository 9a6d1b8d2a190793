"""Datasets for the tests: written with Argilla's models, indexed with Argilla's code by the reference."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from uuid import UUID, uuid4

from argilla_server.database import AsyncSessionLocal
from argilla_server.enums import SortOrder
from argilla_server.models import (
    Dataset,
    Field,
    MetadataProperty,
    Question,
    Record,
    Response,
    Suggestion,
    User,
    Vector,
    VectorSettings,
    Workspace,
)
from argilla_server.search_engine import Order, RangeFilter
from argilla_sql_search.engine import SQLSearchEngine
from reference_elasticsearch import ReferenceEngine
from sqlalchemy import select
from sqlalchemy.orm import selectinload

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from argilla_server.search_engine import FilterScope, SearchResponses, TextQuery
    from sqlalchemy import Executable
    from sqlalchemy.ext.asyncio import AsyncSession

Result = TypeVar("Result")


class Run(Protocol):
    """Runs a coroutine to its end, on the event loop of the session."""

    def __call__(self, coroutine: Coroutine[Any, Any, Result], /) -> Result: ...


LABELS = ["bad", "Good", "maybe so"]
START = datetime(2026, 3, 1, 12, 0, 0)  # noqa: DTZ001 - Argilla stores naive UTC
FIELDS = {"prompt": "text", "chat": "chat", "extra": "custom", "picture": "image"}
QUESTIONS = {
    "stars": {"type": "rating", "options": [{"value": number} for number in range(11)]},
    "label": {"type": "label_selection", "options": [{"value": label, "text": label} for label in LABELS]},
    "topics": {
        "type": "multi_label_selection",
        "options": [{"value": label, "text": label} for label in LABELS],
    },
    "comment": {"type": "text", "use_markdown": False},
    "order": {"type": "ranking", "options": [{"value": label, "text": label} for label in LABELS]},
}
METADATA = {"tags": "terms", "count": "integer", "ratio": "float"}
_numbers = itertools.count()


@dataclass
class RecordSpec:
    """What one record holds. Responses are by place of the user, suggestions by name of the question."""

    fields: dict[str, Any] = field(default_factory=lambda: {"prompt": "hello"})
    metadata: dict[str, Any] | None = None
    responses: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    suggestions: dict[str, dict[str, Any]] = field(default_factory=dict)
    vector: Sequence[float] | None = None
    status: str = "pending"
    external_id: str | None = None


@dataclass
class World:
    """A dataset in the database and in the reference engine, with its users and records in order."""

    dataset: Dataset
    users: list[User]
    records: list[Record]
    reference: ReferenceEngine
    engine: SQLSearchEngine

    @property
    def vector_settings(self) -> VectorSettings:
        return self.dataset.vectors_settings[0]

    def places(self, response: SearchResponses) -> list[int]:
        """Return the records of a response by their places in `records`."""
        place = {record.id: number for number, record in enumerate(self.records)}
        return [place[item.record_id] for item in response.items]


class MakeWorld(Protocol):
    def __call__(self, *specs: RecordSpec, users: int = 3, **names: dict[str, Any]) -> World:
        """Create a dataset with the given records."""


class Places(Protocol):
    def __call__(self, world: World, query: TextQuery | str | None = None, **arguments: Any) -> list[int]:
        """Return the places of the records that a search finds."""


async def create_world(specs: Sequence[RecordSpec], users: int = 3, **names: dict[str, Any]) -> World:
    """Create a ready dataset with `specs`; `names` may replace its fields, questions or metadata."""
    async with AsyncSessionLocal() as session:
        workspace = Workspace(name=f"workspace-{uuid4()}")
        people = [User(first_name="-", username=f"user-{uuid4()}", password_hash="-") for _ in range(users)]
        session.add_all([workspace, *people])
        await session.flush()
        distribution = {"strategy": "overlap", "min_submitted": 1}
        dataset = Dataset(
            name=f"dataset-{uuid4()}", workspace_id=workspace.id, status="ready", distribution=distribution
        )
        session.add(dataset)
        await session.flush()
        settings = names.get("questions", QUESTIONS)
        questions = {
            name: Question(name=name, title="-", settings=of, dataset_id=dataset.id)
            for name, of in settings.items()
        }
        vectors = VectorSettings(name="vector", title="-", dimensions=3, dataset_id=dataset.id)
        session.add_all([*questions.values(), vectors])
        for name, kind in names.get("fields", FIELDS).items():
            session.add(Field(name=name, title="-", settings={"type": kind}, dataset_id=dataset.id))
        for name, kind in names.get("metadata", METADATA).items():
            session.add(
                MetadataProperty(name=name, title="-", settings={"type": kind}, dataset_id=dataset.id)
            )
        await session.flush()
        for spec in specs:
            await add_record(session, spec, dataset.id, people, questions, vectors)
        await session.commit()
    return await load_world(dataset.id, people)


async def add_record(
    session: AsyncSession,
    spec: RecordSpec,
    dataset_id: UUID,
    people: list[User],
    questions: dict[str, Question],
    vectors: VectorSettings | None,
) -> Record:
    """Write one record; the next one is a second younger."""
    when = START + timedelta(seconds=next(_numbers))
    times = {"inserted_at": when, "updated_at": when}
    record = Record(
        fields=spec.fields,
        metadata_=spec.metadata,
        status=spec.status,
        external_id=spec.external_id,
        dataset_id=dataset_id,
        **times,
    )
    session.add(record)
    await session.flush()
    for place, (status, values) in spec.responses.items():
        answers = {name: {"value": value} for name, value in values.items()}
        session.add(
            Response(record_id=record.id, user_id=people[place].id, status=status, values=answers, **times)
        )
    for name, of in spec.suggestions.items():
        session.add(Suggestion(record_id=record.id, question_id=questions[name].id, **of, **times))
    if spec.vector and vectors:
        session.add(Vector(record_id=record.id, vector_settings_id=vectors.id, value=spec.vector, **times))
    return record


async def load_world(dataset_id: UUID, people: list[User]) -> World:
    """Read a dataset as Argilla does before it indexes, and index it in a new reference engine."""
    async with AsyncSessionLocal() as session:
        loaded = [
            selectinload(getattr(Dataset, name))
            for name in ("fields", "questions", "metadata_properties", "vectors_settings")
        ]
        dataset = (
            await session.scalars(select(Dataset).where(Dataset.id == dataset_id).options(*loaded))
        ).one()
        of_record = [
            selectinload(Record.responses),
            selectinload(Record.suggestions).selectinload(Suggestion.question),
            selectinload(Record.vectors).selectinload(Vector.vector_settings),
        ]
        statement = (
            select(Record)
            .where(Record.dataset_id == dataset_id)
            .order_by(Record.inserted_at)
            .options(*of_record)
        )
        records = (await session.scalars(statement)).all()
        for record in records:
            record.dataset = dataset
        for metadata_property in dataset.metadata_properties:
            metadata_property.dataset = dataset
        session.expunge_all()
    reference = ReferenceEngine()
    await reference.create_index(dataset)
    await reference.index_records(dataset, records)
    return World(dataset, people, list(records), reference, SQLSearchEngine())


def sorted_by(scope: FilterScope, order: str) -> Order:
    """Return the order `asc` or `desc` of a scope."""
    return Order(scope, SortOrder(order))


def between(scope: FilterScope, ge: float | str | None = None, le: float | str | None = None) -> RangeFilter:
    """Return a range filter; its annotation says float, but Argilla passes dates on as they are written."""
    return RangeFilter(scope, ge=cast("float | None", ge), le=cast("float | None", le))


async def execute(statement: Executable) -> None:
    """Execute a statement that writes, in a transaction of its own."""
    async with AsyncSessionLocal() as session:
        await session.execute(statement)
        await session.commit()
