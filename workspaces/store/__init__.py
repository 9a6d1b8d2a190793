"""The store: SQLAlchemy tables and Alembic migrations; a step is one unit of work."""

from workspaces.store.database import Store

__all__ = ["Store"]
