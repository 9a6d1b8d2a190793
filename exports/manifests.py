"""The form of a manifest: whoever reads one that was damaged or made up hears what is wrong, and nothing is guessed."""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def _is_inside(name: str) -> str:
    path = PurePosixPath(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or str(path) != name
        or "\\" in name
        or not name.isprintable()
    ):
        raise ValueError("is no path inside the folder")
    return name


def _has_zone(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("is a time without its zone")
    return text


Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Inside = Annotated[str, AfterValidator(_is_inside)]
Moment = Annotated[str, AfterValidator(_has_zone)]
Counts = dict[str, Count]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Previous(_Part):
    version: Annotated[int, Field(ge=1)]
    digest: Sha256
    created_at: Moment


class _Difference(_Part):
    added: Count
    removed: Count
    changed: Count
    unchanged: Count
    moved: Count
    buckets: dict[str, Counts]


class _Release(_Part):
    version: Annotated[int, Field(ge=1)]
    first: Sha256 | None = None
    previous: _Previous | None
    difference: _Difference | None


class _Items(_Part):
    __pydantic_extra__: dict[str, Count | Counts]

    what: str


class _Accounting(_Part):
    judgments: dict[str, Count | Counts]
    items: _Items
    tasks_without_judgment: Count


class _Manifest(_Part):
    """What code reads of a manifest; what earlier versions did not write may be missing."""

    kind: str
    created_at: Moment
    digest: Sha256
    files: dict[Inside, Sha256]
    digests: dict[Inside, Sha256] = {}
    rows: dict[str, Counts] = {}
    dropped: Counts = {}
    licences: Counts = {}
    sources: Counts = {}
    bytes_in_memory: dict[Inside, Count] = {}
    buckets: Annotated[int, Field(ge=1)] | None = None
    ledger_tip: str | None = None
    accounting: _Accounting | None = None
    release: _Release | None = None


OF_RELEASES = ("accounting", "buckets", "bytes_in_memory", "digests", "rows")
"""What every manifest with a release holds as well."""


def fault_in(manifest: Mapping[str, object]) -> str | None:
    """Return what in a manifest is not of the form that exports write; None if nothing is."""
    try:
        found = _Manifest.model_validate(dict(manifest))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where!a}: {first['msg']}"
    missing = [
        name for name in OF_RELEASES if found.release is not None and name not in found.model_fields_set
    ]
    return f"{missing[0]!r}: Field required" if missing else None
