"""The labelling platforms that tasks are sent to."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, HttpUrl, model_validator

from workspaces.config.section import Count, Section, Variable, Weight

MANAGED = "managed"
"""The ``url`` of a platform that ``chatfeedback up`` runs for this workspace."""


def _origin(address: HttpUrl) -> HttpUrl:
    """Return an address at which a platform can stand: neither of them finds its files below a path."""
    if address.path not in (None, "/") or address.query or address.fragment or address.username:
        raise ValueError("is an address without a path, such as https://argilla.example.org")
    return address


class PlatformConfig(Section):
    """Where a platform is, and its share of the tasks (relative to the other platforms).

    ``address`` is where people open it in their browsers, if that is elsewhere: behind a proxy.
    """

    url: Literal["managed"] | HttpUrl = "managed"
    address: Annotated[HttpUrl, AfterValidator(_origin)] | None = None
    port: Annotated[Count, Field(ge=1, le=65535)] | None = None
    api_key_env: Variable | None = None
    share: Weight = 1.0

    @property
    def is_managed(self) -> bool:
        """Whether ``chatfeedback up`` runs this platform."""
        return self.url == MANAGED

    @property
    def origin(self) -> str | None:
        """``address`` as a browser names it in its requests, without a slash at its end; None without one."""
        return None if self.address is None else str(self.address).rstrip("/")


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
