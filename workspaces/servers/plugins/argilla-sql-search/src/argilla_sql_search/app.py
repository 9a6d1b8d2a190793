"""Argilla's application with the engine registered, for a process that loads the application by name."""

from __future__ import annotations

from argilla_sql_search.registration import register

register()

from argilla_server import app  # noqa: E402

from argilla_sql_search.content_security import install_content_security  # noqa: E402

install_content_security(app)

__all__ = ["app"]
