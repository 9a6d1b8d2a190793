"""The store: SQLAlchemy tables and Alembic migrations; a step is one unit of work."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
