"""What the workbench wrote as settings of datasets and projects, so that what others write there is told from it.

A row is written before the platform is asked, so that a run that is killed in between takes neither text for somebody
else's. Hashes alone are kept: guidelines name people.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.store.insert import upsert
from workspaces.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

platform_setting = sa.Table(
    "platform_setting",
    metadata,
    sa.Column("platform", sa.String(32), primary_key=True),
    sa.Column("container_id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column(
        "written", sa.String(64), comment="hash of what we wrote last; null: it is left to the platform"
    ),
    sa.Column("writing", sa.String(64), comment="hash of what we are about to write"),
)


def own_hashes(connection: sa.Connection, platform: str, container_id: str) -> dict[str, frozenset[str]]:
    """Return the hashes of what may stand there as we wrote it, by setting; none: the setting is left to the platform.

    A setting that was never written is missing.
    """
    chosen = (platform_setting.c.platform == platform) & (platform_setting.c.container_id == container_id)
    return {
        row.name: frozenset(filter(None, (row.written, row.writing)))
        for row in connection.execute(sa.select(platform_setting).where(chosen))
    }


def begin_writing(
    connection: sa.Connection,
    platform: str,
    container_id: str,
    there: Mapping[str, str],
    new: Mapping[str, str],
) -> None:
    """Record that ``new`` is about to be written over what is ``there``."""
    rows = [
        _row(platform, container_id, name) | {"written": hash_of(there[name]), "writing": hash_of(text)}
        for name, text in new.items()
    ]
    upsert(connection, platform_setting, rows, update=("written", "writing"))


def end_writing(
    connection: sa.Connection, platform: str, container_id: str, there: Mapping[str, str]
) -> None:
    """Record that these settings stand there as we want them."""
    rows = [
        _row(platform, container_id, name) | {"written": hash_of(text), "writing": None}
        for name, text in there.items()
    ]
    upsert(connection, platform_setting, rows, update=("written", "writing"))


def leave(connection: sa.Connection, platform: str, container_id: str, names: Iterable[str]) -> None:
    """Record that these settings are the platform's: they are not written until ``end_writing``."""
    rows = [_row(platform, container_id, name) | {"written": None, "writing": None} for name in names]
    upsert(connection, platform_setting, rows, update=("written", "writing"))


def hash_of(text: str) -> str:
    """Return the hash of a setting's text; texts that are the same have the same one."""
    return hashlib.sha256(_as_compared(text).encode("utf-8", "backslashreplace")).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Return whether texts differ at most in what platforms change of their own accord."""
    return _as_compared(one) == _as_compared(other)


def _as_compared(text: str) -> str:
    """Return a text without what platforms change: spaces around it and at ends of lines, composed characters.

    Argilla's SDK strips the guidelines of a dataset that it makes.
    """
    return "\n".join(line.rstrip() for line in unicodedata.normalize("NFC", text).strip().splitlines())


def _row(platform: str, container_id: str, name: str) -> dict[str, str | None]:
    return {"platform": platform, "container_id": container_id, "name": name}
