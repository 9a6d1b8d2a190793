"""Schema revisions, applied by Alembic when a workspace is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workspaces.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlalchemy as sa

HEAD = "0042"
"""The newest revision; a test compares it with the scripts."""

MIGRATION_LOCK = 0x6D696772
"""The number of the advisory lock under which a schema is changed."""

_OF_ANOTHER_SCHEMA = ("no such", "does not exist", "already exists", "duplicate column")
"""What a database says of a table or column that a revision expects, or does not."""


def migrate(engine: sa.Engine, present: str | None) -> None:
    """Upgrade the schema from revision ``present`` to ``HEAD`` in one transaction.

    Raises:
        ConfigurationError: ``present`` is unknown to this version of the workbench, or the tables are not those of that
            revision, as where a version in development numbered its revisions otherwise; nothing is changed.
    """
    import sqlalchemy as sa
    from alembic import command  # takes half a second to import, and most stores have the newest schema
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    if present is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(present)
        except CommandError:
            raise ConfigurationError(
                f"the store has schema revision {present!r}, newer than this workbench knows ({HEAD}): upgrade it"
            ) from None
    with engine.begin() as connection:
        # of two processes that open a new store at once, the second finds it migrated
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, HEAD)
        except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
            reason = " ".join(str(error.orig).split("\n")[0].split())
            if not any(words in reason for words in _OF_ANOTHER_SCHEMA):
                raise
            raise _other_schema(present, [reason]) from None
        if missing := missing_in(connection):
            raise _other_schema(present, missing)


def missing_in(connection: sa.Connection) -> list[str]:
    """Return the tables and columns that a database of ``HEAD`` lacks, such as ``task.overlap``."""
    import sqlalchemy as sa

    from workspaces.store.tables import metadata

    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    wanted = {name: {column.name for column in table.columns} for name, table in metadata.tables.items()}
    lacking = sorted(wanted.keys() - present)
    for name in sorted(wanted.keys() & present):
        columns = {each["name"] for each in inspector.get_columns(name)}
        lacking += [f"{name}.{column}" for column in sorted(wanted[name] - columns)]
    return lacking


def _other_schema(present: str | None, missing: list[str]) -> ConfigurationError:
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    return ConfigurationError(
        f"the store says that it has schema revision {present!r}, and has not ({', '.join(missing[:3])}{more}): "
        "another version of the workbench wrote it, in development perhaps; nothing was changed. Open it with that "
        "version, or go back to a backup"
    )
