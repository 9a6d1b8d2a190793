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


def migrate(engine: sa.Engine, present: str | None) -> None:
    """Upgrade the schema from revision ``present`` to ``HEAD`` in one transaction.

    Raises:
        ConfigurationError: ``present`` is unknown to this version of the workbench.
    """
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
        command.upgrade(config, HEAD)
