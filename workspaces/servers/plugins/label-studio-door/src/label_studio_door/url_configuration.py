"""The routes that a Django project has, read from its URL configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, URLResolver, get_resolver

from label_studio_door.routes import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""What a class-based view can take; Django adds HEAD and OPTIONS by itself."""


def routes() -> dict[str, frozenset[str]]:
    """Return the methods of every route by its pattern, which is what ``ResolverMatch.route`` says of a request.

    Where several routes have one pattern, their methods are taken together.
    """
    found: dict[str, frozenset[str]] = {}
    for pattern, view in _walk(get_resolver(), ""):
        found[pattern] = found.get(pattern, frozenset()) | _methods(view)
    return found


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, Callable[..., object]]]:
    for entry in resolver.url_patterns:
        part = str(entry.pattern)
        pattern = f"{prefix}{part.removeprefix('^')}" if prefix else part  # as URLResolver joins them
        if isinstance(entry, URLPattern):
            yield pattern, entry.callback
        else:
            yield from _walk(entry, pattern)


def _methods(view: Callable[..., object]) -> frozenset[str]:
    if actions := getattr(view, "actions", None):  # a view set: the actions of this route
        return frozenset(method.upper() for method in actions if method.upper() in METHODS)
    view_class = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if view_class is None:
        return frozenset({ALL})
    allowed = {name.upper() for name in view_class.http_method_names}
    return frozenset(
        method for method in METHODS if method in allowed and hasattr(view_class, method.lower())
    )
