"""The engine's entry in Argilla's registry of search engines, and the middleware around Argilla's API."""

from __future__ import annotations

from argilla_sql_search.name import NAME

__all__ = ["NAME", "register"]


def register() -> None:
    """Register the engine with the Argilla server of this process, keep annotators blind to each other there,
    let its jobs write no status that is right, and configure its database connections.

    Argilla reads its settings when it is imported, so it is imported here and not with this module.
    """
    from argilla_server.api.routes import api_v1
    from argilla_server.search_engine import SearchEngine

    from argilla_sql_search.blindness import install_blindness
    from argilla_sql_search.changed import install_changed
    from argilla_sql_search.connections import configure_connections
    from argilla_sql_search.engine import SQLSearchEngine
    from argilla_sql_search.memberships import install_memberships
    from argilla_sql_search.routing import install_routing
    from argilla_sql_search.served import install_served
    from argilla_sql_search.statuses import install_statuses

    SearchEngine.register(NAME)(SQLSearchEngine)
    install_memberships()
    install_served(api_v1)
    install_routing(api_v1)
    install_changed(api_v1)
    install_blindness(api_v1)
    install_statuses()
    configure_connections()
