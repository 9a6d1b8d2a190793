"""The installed projections, discovered by entry point.

A projection is a module with a ``PROJECTION`` in a package that an entry point of the group
``chatfeedback.projections`` names. This project names ``exports.projections``; another distribution may name a
package of its own.
"""

from __future__ import annotations

import copyreg
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, cast

from exports.projection import Projection
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exports.items import ExportItem, ItemT

GROUP = "chatfeedback.projections"


def _by_name(projection: Projection[Any]) -> tuple[Callable[[str], Projection[Any]], tuple[str]]:
    return projection_of, (projection.name,)


copyreg.pickle(Projection, _by_name)  # its functions cannot go to other processes


class UnknownProjectionError(UsageError):
    """A caller names a projection that no installed package declares."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no export {name!r}; known: {', '.join(all_projections())}")


def all_projections() -> Mapping[str, Projection[ExportItem]]:
    """Return every projection by name, in alphabetical order."""
    return dict(sorted(_projections().items()))


def projection_of(name: str) -> Projection[ExportItem]:
    """Return the projection of a name.

    Raises:
        UnknownProjectionError: no installed package declares it.
    """
    try:
        return _projections()[name]
    except KeyError:
        raise UnknownProjectionError(name) from None


@contextmanager
def registered(projection: Projection[ItemT]) -> Iterator[Projection[ItemT]]:
    """Add a projection for the length of a ``with`` block, as tests and notebooks do.

    Raises:
        ValueError: its name is in use.
    """
    _add(cast("Projection[ExportItem]", projection), _projections())
    try:
        yield projection
    finally:
        del _projections()[projection.name]


@cache
def _projections() -> dict[str, Projection[ExportItem]]:
    projections: dict[str, Projection[ExportItem]] = {}
    for package_name in sorted({point.value for point in entry_points(group=GROUP)}):
        package = import_module(package_name)
        for module_info in iter_modules(package.__path__):
            projection = getattr(import_module(f"{package_name}.{module_info.name}"), "PROJECTION", None)
            if isinstance(projection, Projection):
                _add(projection, projections)
    return projections


def _add(projection: Projection[ExportItem], known: dict[str, Projection[ExportItem]]) -> None:
    if projection.name in known:
        raise ValueError(f"projection {projection.name!r}: its name is in use")
    known[projection.name] = projection
