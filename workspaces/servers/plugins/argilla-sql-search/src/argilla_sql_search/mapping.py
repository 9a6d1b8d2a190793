"""How a dataset's parts would be mapped in Elasticsearch, which decides what can be filtered and sorted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from argilla_server.enums import FieldType, MetadataPropertyType, QuestionType
from argilla_server.models import Field, MetadataProperty, Question
from sqlalchemy import select

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncSession


class MappedType(Enum):
    """The Elasticsearch type of a field."""

    KEYWORD = "keyword"
    INTEGER = "integer"
    FLOAT = "float"
    DATE = "date"
    UNMAPPED = "unmapped"
    """Not indexed: a filter on it matches nothing, sorting by it is an error."""


_METADATA_TYPES = {
    MetadataPropertyType.terms: MappedType.KEYWORD,
    MetadataPropertyType.integer: MappedType.INTEGER,
    MetadataPropertyType.float: MappedType.FLOAT,
}
_QUESTION_TYPES = {
    QuestionType.rating: MappedType.INTEGER,
    QuestionType.label_selection: MappedType.KEYWORD,
    QuestionType.multi_label_selection: MappedType.KEYWORD,
}


@dataclass(frozen=True)
class MappedQuestion:
    """A question of a dataset, and the type of the values of its responses and suggestions."""

    id: UUID
    mapped_type: MappedType


@dataclass(frozen=True)
class Mapping:
    """The fields, questions and metadata properties of one dataset, by name."""

    dataset_id: UUID
    fields: dict[str, FieldType]
    questions: dict[str, MappedQuestion]
    metadata: dict[str, MappedType]


async def read_mapping(session: AsyncSession, dataset_id: UUID) -> Mapping:
    """Read the mapping of a dataset from Argilla's tables: the caller may have loaded only a part of it."""
    fields = await session.scalars(
        select(Field).where(Field.dataset_id == dataset_id).order_by(Field.inserted_at, Field.id)
    )
    questions = await session.scalars(select(Question).where(Question.dataset_id == dataset_id))
    metadata = await session.scalars(
        select(MetadataProperty).where(MetadataProperty.dataset_id == dataset_id)
    )
    return Mapping(
        dataset_id=dataset_id,
        fields={field.name: field.type for field in fields},
        questions={
            question.name: MappedQuestion(
                question.id, _QUESTION_TYPES.get(question.type, MappedType.UNMAPPED)
            )
            for question in questions
        },
        metadata={
            metadata_property.name: _METADATA_TYPES[metadata_property.type] for metadata_property in metadata
        },
    )
