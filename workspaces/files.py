"""Files that are whole or not there, whatever kills the process that writes them.

Every function here writes a temporary file beside the final one, forces it to the disk (``fsync``), puts it in place in
one step, and forces the folder to the disk. Whoever opens the path at any moment, also after a crash of the process
or a power cut, reads the old content or the new content, each in full; after a normal return it is the new content.
An error removes the temporary file and leaves the path as it was. A killed process leaves the temporary file alone,
``NAME.TOKEN.PID.tmp``. The permissions hold from the first byte.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUBLIC = 0o666
PRIVATE = 0o600


@contextmanager
def replaced(path: Path, mode: int = PUBLIC) -> Iterator[BinaryIO]:
    """Yield a binary file; it replaces what stands at ``path`` when the block ends without an error.

    Args:
        path: the final file; its folder exists.
        mode: the permissions of the new file, before the umask.
    """
    with _temporary(path, mode) as (temporary, file):
        yield file
        _close(file)
        temporary.replace(path)
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes, mode: int = PUBLIC) -> None:
    """Replace what stands at ``path`` by ``content``; ``mode`` is its permissions, before the umask."""
    with replaced(path, mode) as file:
        file.write(content)


def write_text(path: Path, text: str, mode: int = PUBLIC) -> None:
    """Replace what stands at ``path`` by ``text`` in UTF-8; ``mode`` is its permissions, before the umask."""
    write_bytes(path, text.encode(), mode)


def write_private(path: Path, content: str | bytes) -> None:
    """Replace what stands at ``path`` by a file that only its owner can read; a text is written in UTF-8."""
    write_bytes(path, content.encode() if isinstance(content, str) else content, PRIVATE)


def create_private(path: Path, text: str) -> bool:
    """Create a file that only its owner can read; return whether it was created.

    A file that stands there already is kept, also where several processes create it at once: one of them succeeds.
    """
    with _temporary(path, PRIVATE) as (temporary, file):
        file.write(text.encode())
        _close(file)
        try:
            os.link(temporary, path)  # one step, and it fails where another process was first
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk: files that were added, replaced or removed."""
    if os.name == "posix":  # Windows opens no folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _temporary(path: Path, mode: int) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield a new file beside ``path``, open for writing; an error in the block removes it."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield temporary, file
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _close(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()  # Windows renames no open file
