"""Where portions of an export wait while it is made: a folder of the workspace, which a kill may leave behind."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from exports.dataset import our_errors
from workspaces.files import CannotRemoveError, remove_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.workspace import Workspace

SCATTERED = ".exporting"
"""The name of the folder."""


@contextmanager
def scattered_in(workspace: Workspace) -> Iterator[Path]:
    """Yield an empty folder of the workspace, which is locked, and remove it afterwards.

    No other export has a folder of its name: a worker of a cluster that outlives an export neither takes what the next
    one left for its own, nor writes there.

    Raises:
        CannotRemoveError: it cannot be removed, or one that a killed export left.
    """
    clear_scattered(workspace)
    folder = workspace.path / SCATTERED
    try:
        with our_errors(folder):
            folder.mkdir(mode=0o700)
            scratch = Path(mkdtemp(dir=folder))
        yield scratch
    except BaseException:
        with suppress(CannotRemoveError):  # said by the next export or deletion
            clear_scattered(workspace)
        raise
    clear_scattered(workspace)


def forget_portions(scratch: Path) -> None:
    """Remove what portions are made from, and leave what was made of them: what is on no disk yet need not go there."""
    for path in scratch.iterdir():
        if path.is_file():
            forget(path)


def forget(path: Path) -> None:
    """Remove a file that is needed no more; where the system refuses, because it is open, it goes with the folder."""
    with suppress(OSError):
        path.unlink()


def clear_scattered(workspace: Workspace) -> None:
    """Remove what an export that was killed left behind; the workspace is locked.

    Raises:
        CannotRemoveError: some of it is still there.
    """
    remove_folder(workspace.path / SCATTERED)
