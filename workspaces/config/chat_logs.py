"""Chat logs: how they are read, their licences, their consent, and their redaction."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from workspaces.config.section import Number, Section


class ChatLogsConfig(Section):
    """The names that tables of chat logs use for the columns that readers know."""

    csv_columns: dict[Annotated[str, Field(min_length=1)], Annotated[str, Field(min_length=1)]] = Field(
        default={}
    )


class SourceConfig(Section):
    """What is known about a source of chat logs in addition to its rows."""

    licence: Annotated[str, Field(min_length=1, max_length=200)]


class ConsentConfig(Section):
    """How long a new conversation is held before it is shared, counted from its own time."""

    delay_hours: Annotated[Number, Field(ge=0, le=24 * 365)] = 24.0


class PrivacyConfig(Section):
    """What redaction needs to know: names to redact, and the region of telephone numbers without a country prefix.

    ``presidio`` enables Presidio's recognisers as well. With ``presidio_model``, the name of an installed spaCy model
    such as ``en_core_web_sm``, they also find people and places.
    """

    deny_names: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    default_region: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    presidio: Annotated[bool, Field(strict=True)] = False
    presidio_model: Annotated[str, Field(pattern=r"^[a-z]{2,3}_[A-Za-z0-9_]+$")] | None = None

    @model_validator(mode="after")
    def _model_of_presidio(self) -> PrivacyConfig:
        if self.presidio_model is not None and not self.presidio:
            raise ValueError("privacy.presidio_model needs 'presidio: true'")
        return self
