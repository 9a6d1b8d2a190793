"""The store: SQLAlchemy tables and Alembic migrations, one unit of work per step."""

from workspaces.store.database import Store

__all__ = ["Store"]
