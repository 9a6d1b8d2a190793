"""A door for Label Studio's community edition, in which every member may do everything.

Whoever does not own the organization may answer, and nothing else: take the next task, and read and write their own
annotations and drafts. ``routes.csv`` says for every route who may use it; what it does not name is closed.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
