"""A search engine for a private Argilla server that needs no Elasticsearch.

Argilla keeps everything a search can ask about in its own SQL database (SQLite or PostgreSQL); this engine
answers from there. `register()` adds it to Argilla's registry under the name `sql`; set
`ARGILLA_SEARCH_ENGINE=sql`, or run Argilla's command line as `python -m argilla_sql_search`.
"""

from __future__ import annotations

__all__ = ["NAME", "register"]

NAME = "sql"
"""What to set `ARGILLA_SEARCH_ENGINE` to."""


def register() -> None:
    """Make the engine known to the Argilla server of this process."""
    from argilla_server.search_engine import SearchEngine

    from argilla_sql_search.connections import configure_connections
    from argilla_sql_search.engine import SQLSearchEngine

    SearchEngine.register(NAME)(SQLSearchEngine)
    configure_connections()
