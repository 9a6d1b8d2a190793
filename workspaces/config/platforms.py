"""The labelling platforms that tasks are sent to."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, HttpUrl, model_validator

from workspaces.config.section import Count, Section, Variable, Weight

MANAGED = "managed"
"""The ``url`` of a platform that ``chatfeedback up`` runs for this workspace."""


class PlatformConfig(Section):
    """The address of a platform, and its share of the tasks (relative to the other platforms)."""

    url: Literal["managed"] | HttpUrl = "managed"
    port: Annotated[Count, Field(ge=1, le=65535)] | None = None
    api_key_env: Variable | None = None
    share: Weight = 1.0

    @property
    def is_managed(self) -> bool:
        """Whether ``chatfeedback up`` runs this platform."""
        return self.url == MANAGED


class ArgillaConfig(PlatformConfig):
    """An Argilla server."""

    api_key_env: Variable | None = "ARGILLA_API_KEY"
    workspace: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "chatfeedback"


class LabelStudioConfig(PlatformConfig):
    """A Label Studio server."""

    api_key_env: Variable | None = "LABEL_STUDIO_API_KEY"


class PlatformsConfig(Section):
    """The platforms in use, with a field for each platform of ``workspaces.registry``; None: it is not used."""

    argilla: ArgillaConfig | None = None
    label_studio: LabelStudioConfig | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> PlatformsConfig:
        if not self.shares():
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"at least one platform with a share above 0 is needed: {known}")
        return self

    @classmethod
    def section_of(cls, name: str) -> type[PlatformConfig]:
        """Return the model of the section of a platform."""
        model: type[PlatformConfig] = get_args(cls.model_fields[name].annotation)[0]
        return model

    def names(self) -> tuple[str, ...]:
        """Return the platforms in use. One with a share of 0 gets no new tasks, but its answers are still read."""
        return tuple(self.sections())

    def shares(self) -> dict[str, float]:
        """Return the share of each platform that gets new tasks, by name."""
        return {name: section.share for name, section in self.sections().items() if section.share > 0}

    def sections(self) -> dict[str, PlatformConfig]:
        """Return the sections of the platforms in use, by name, in the order in which this model declares them."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: section for name, section in sections.items() if section is not None}
