"""Whether a file or a folder that somebody named can be written: asked before the work, and answered at once."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from workspaces.errors import UsageError, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_file(path: Path) -> None:
    """Check that a file can be written, or replaced; nothing is left there.

    Raises:
        UsageError: it is a folder, a pipe or a device, or nothing can be written beside it.
    """
    with _named(path):
        place = path.expanduser()
        if place.is_dir():
            raise UsageError(f"{path} is a folder: name a file")
        if os.path.lexists(place) and not place.is_file():
            raise UsageError(f"{path} is neither a file nor free: name another")
        _try(place)


def check_folder(path: Path) -> None:
    """Check that files can be written into a folder, which need not exist; nothing is left there.

    Raises:
        UsageError: it is something else, or nothing can be written there.
    """
    with _named(path):
        place = path.expanduser()
        if not place.name or (os.path.lexists(place) and not place.is_dir()):
            raise UsageError(f"{path} is no folder of yours: name another")
        _try(place / "file")


def _try(place: Path) -> None:
    for path in (place, place.parent):
        with suppress(FileNotFoundError):  # any other error says why nothing can be written there
            path.lstat()
    there = next(parent for parent in place.absolute().parents if os.path.lexists(parent))
    with TemporaryFile(dir=there):  # it has no name, so that a kill leaves none
        pass


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:  # also links in a circle, and no home of that name
        reason = reason_of(error)
        raise UsageError(f"{path} cannot be written: {reason}; name another place") from None
