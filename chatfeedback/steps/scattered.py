"""Where portions of an export wait while it is made: a folder of the workspace, which a kill may leave behind."""

from __future__ import annotations

from contextlib import contextmanager
from shutil import rmtree
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.workspace import Workspace

SCATTERED = ".exporting"
"""The name of the folder."""


@contextmanager
def scattered_in(workspace: Workspace) -> Iterator[Path]:
    """Yield an empty folder of the workspace, which is locked, and remove it afterwards."""
    clear_scattered(workspace)
    folder = workspace.path / SCATTERED
    folder.mkdir()
    try:
        yield folder
    finally:
        clear_scattered(workspace)


def clear_scattered(workspace: Workspace) -> None:
    """Remove what an export that was killed left behind; the workspace is locked."""
    rmtree(workspace.path / SCATTERED, ignore_errors=True)
