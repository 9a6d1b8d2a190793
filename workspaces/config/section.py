"""The base class of every section of ``chatfeedback.yaml``, and the types of values that several sections hold."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from workspaces.time_zones import time_zone

Count = Annotated[int, Field(strict=True)]
"""An integer; YAML's ``yes`` and ``"3"`` are rejected."""

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Points = Annotated[Count, Field(ge=0, le=1_000_000)]
Weight = Annotated[Number, Field(ge=0)]
Price = Annotated[Number, Field(ge=0, le=1_000_000)]
"""Money for a million tokens."""

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""


def _known_zone(name: str) -> str:
    return time_zone(name).key


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""The IANA name of a time zone."""


class Section(BaseModel):
    """One section of the file. Its keys are checked, and no other key is allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def known_keys(cls) -> list[str]:
        """Return the keys that are allowed in this section."""
        return list(cls.model_fields)
