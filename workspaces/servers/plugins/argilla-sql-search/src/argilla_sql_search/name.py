"""What the engine is called."""

from __future__ import annotations

NAME = "sql"
"""The value of `ARGILLA_SEARCH_ENGINE` that chooses this engine."""
