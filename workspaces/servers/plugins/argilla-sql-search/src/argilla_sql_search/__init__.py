"""A search engine for Argilla that needs no Elasticsearch.

Argilla keeps everything that a search can ask about in its own SQL database (SQLite or PostgreSQL). This engine
answers searches from that database. `register()` adds it to Argilla's registry under the name `sql`; the command
`argilla-sql-search`, or `python -m argilla_sql_search`, is Argilla's command line with the engine registered.
"""

from __future__ import annotations

from argilla_sql_search.registration import NAME, register

__all__ = ["NAME", "register"]
