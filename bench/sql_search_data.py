"""What `sql_search.py` measures: a dataset written straight into Argilla's database, and its annotators."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from argilla_server.database import AsyncSessionLocal, async_engine
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
    WorkspaceUser,
)
from argilla_server.models.base import DatabaseModel
from sqlalchemy import insert, select, text

if TYPE_CHECKING:
    import random

Json: TypeAlias = "dict[str, object]"

CHAT, WORDS = "chat", 20_000
LABELS = ["helpful", "harmless", "honest", "other"]


def vocabulary(rng: random.Random) -> tuple[list[str], list[float]]:
    """Made-up words with Zipf's weights."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 10))) for _ in range(WORDS)]
    return words, [1 / (rank + 3) for rank in range(WORDS)]


async def fill(rng: random.Random, records: int, dimensions: int) -> tuple[Dataset, list[User]]:
    """Return a dataset with so many records, made where the database has none, and its owners."""
    words, weights = vocabulary(rng)
    async with async_engine.begin() as connection:
        await connection.run_sync(DatabaseModel.metadata.create_all)
    async with AsyncSessionLocal() as session:
        if dataset := await session.scalar(select(Dataset)):
            owners = select(User).where(User.role == "owner").order_by(User.username)
            return dataset, list(await session.scalars(owners))
        workspace = Workspace(name="bench")
        users = [
            User(
                first_name=f"user-{n}",
                username=f"user-{n}",
                password_hash="-",  # noqa: S106 - a hash of no password
                role="owner",
                api_key=f"bench-{n}-{uuid.uuid4()}",
            )
            for n in range(5)
        ]
        session.add_all([workspace, *users])
        await session.flush()
        dataset = Dataset(
            name="bench",
            workspace_id=workspace.id,
            status="ready",
            distribution={"strategy": "overlap", "min_submitted": 5},
        )
        session.add(dataset)
        await session.flush()
        choices = [{"value": label, "text": label} for label in LABELS]
        rating = Question(
            name="rating",
            title="-",
            settings={"type": "rating", "options": [{"value": n} for n in range(1, 6)]},
            dataset_id=dataset.id,
        )
        label = Question(
            name="label",
            title="-",
            settings={"type": "label_selection", "options": choices},
            dataset_id=dataset.id,
        )
        vectors = VectorSettings(name="vector", title="-", dimensions=dimensions, dataset_id=dataset.id)
        session.add_all(
            [
                Field(
                    name=CHAT,
                    title="-",
                    settings={"type": "chat", "use_markdown": True},
                    dataset_id=dataset.id,
                ),
                MetadataProperty(name="model", title="-", settings={"type": "terms"}, dataset_id=dataset.id),
                MetadataProperty(
                    name="turns", title="-", settings={"type": "integer"}, dataset_id=dataset.id
                ),
                MetadataProperty(
                    name="toxicity", title="-", settings={"type": "float"}, dataset_id=dataset.id
                ),
                rating,
                label,
                vectors,
            ]
        )
        await session.commit()
        start = datetime(2026, 1, 1)  # noqa: DTZ001 - Argilla stores naive UTC
        for first in range(0, records, 1000):
            rows: list[Json] = []
            responses: list[Json] = []
            suggestions: list[Json] = []
            vector_rows: list[Json] = []
            for number in range(first, min(first + 1000, records)):
                record_id, when = uuid.uuid4(), start + timedelta(seconds=number)
                times = {"inserted_at": when, "updated_at": when}
                messages = []
                for turn in range(4):
                    content = " ".join(rng.choices(words, weights, k=58))
                    messages.append({"role": "assistant" if turn % 2 else "user", "content": content})
                metadata = {
                    "model": rng.choice(["alpha", "beta", "gamma"]),
                    "turns": rng.randint(1, 30),
                    "toxicity": rng.random(),
                }
                answered = number % 5 == 0
                rows.append(
                    {
                        "id": record_id,
                        "fields": {CHAT: messages},
                        "metadata_": metadata,
                        "external_id": f"record-{number}",
                        "status": "completed" if answered else "pending",
                        "dataset_id": dataset.id,
                        **times,
                    }
                )
                if answered:
                    for user in users:
                        values = {
                            "rating": {"value": rng.randint(1, 5)},
                            "label": {"value": rng.choice(LABELS)},
                        }
                        responses.append(
                            {
                                "record_id": record_id,
                                "user_id": user.id,
                                "status": "submitted",
                                "values": values,
                                **times,
                            }
                        )
                for question, value in ((rating, rng.randint(1, 5)), (label, rng.choice(LABELS))):
                    suggestions.append(
                        {
                            "record_id": record_id,
                            "question_id": question.id,
                            "value": value,
                            "score": rng.random(),
                            "agent": rng.choice(["gpt", "llama"]),
                            "type": "model",
                            **times,
                        }
                    )
                vector = [round(rng.gauss(0, 1), 6) for _ in range(dimensions)]
                vector_rows.append(
                    {"record_id": record_id, "vector_settings_id": vectors.id, "value": vector, **times}
                )
            for model, made in (
                (Record, rows),
                (Response, responses),
                (Suggestion, suggestions),
                (Vector, vector_rows),
            ):
                if made:
                    await session.execute(insert(model), made)
            await session.commit()
        if async_engine.dialect.name == "postgresql":
            await session.execute(text("ANALYZE"))
            await session.commit()
    return dataset, users


async def annotators(dataset: Dataset, number: int) -> list[User]:
    """Return the annotators of a dataset, made where there are none, with their right to see its metadata."""
    async with AsyncSessionLocal() as session:
        ours = select(User).where(User.role == "annotator").order_by(User.username)
        if known := list(await session.scalars(ours)):
            return known
        people = [
            User(
                first_name=f"annotator-{n}",
                username=f"annotator-{n:04}",
                password_hash="-",  # noqa: S106 - a hash of no password
                role="annotator",
                api_key=f"bench-{uuid.uuid4()}",
            )
            for n in range(number)
        ]
        session.add_all(people)
        await session.flush()
        session.add_all(
            WorkspaceUser(workspace_id=dataset.workspace_id, user_id=person.id) for person in people
        )
        # All properties are asked for, so annotators must see them.
        for shown in await session.scalars(
            select(MetadataProperty).where(MetadataProperty.dataset_id == dataset.id)
        ):
            shown.allowed_roles = ["admin", "annotator"]
        await session.commit()
        return people
