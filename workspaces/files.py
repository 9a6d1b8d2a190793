"""Files that are whole or not there, whatever kills the process that writes them; and reading with bounds.

Every function here that writes makes a temporary file beside the final one, forces it to the disk (``fsync``), puts it
in place in one step, and forces the folder to the disk. Whoever opens the path at any moment, also after a crash of the
process or a power cut, reads the old content or the new content, each in full; after a normal return it is the new
content. An error removes the temporary file and leaves the path as it was. A killed process leaves the temporary file
alone, ``NAME.TOKEN.PID.tmp``. Only their owner can read the files, from the first byte on.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from workspaces.errors import WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PRIVATE = 0o600
OTHERS = 0o077
"""The permissions of everybody but the owner."""


class CannotRemoveError(WorkbenchError):
    """A folder that must go, because of what it holds, is still there."""


class LostFileError(WorkbenchError):
    """A file that a command wrote for itself a moment ago is gone or damaged."""


def keep_private() -> None:
    """Let whatever this process and its children create be their owner's alone (umask 077).

    Databases, Parquet files, logs and locks are created by libraries that take no permissions: the process has to say
    it for all of them.
    """
    os.umask(OTHERS)


def readable_by_others(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files and folders, of these and whatever lies below, that are open to more than their owner."""
    for path in paths:
        below = (
            Path(folder) / name for folder, folders, files in os.walk(path) for name in (*folders, *files)
        )
        for each in chain([path], below):
            with suppress(FileNotFoundError):
                mode = each.lstat().st_mode
                if mode & OTHERS and not stat.S_ISLNK(mode):
                    yield each


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be opened, or is a pipe, a socket or a device, which might never end or never begin.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(
                errno.EISDIR, "it is a folder, and a file is needed: name a file", str(path)
            )
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


def read_text(path: Path, max_bytes: int) -> str:
    """Return the text of a regular file in UTF-8, without a byte order mark.

    Raises:
        OSError: as ``opened``, or the file has more than ``max_bytes`` bytes.
        UnicodeDecodeError: it is not UTF-8.
    """
    with opened(path) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise OSError(errno.EFBIG, f"more than {max_bytes} bytes", str(path))
    return content.decode("utf-8-sig")


@contextmanager
def written_before(path: Path | str) -> Iterator[None]:
    """Turn what is wrong with a file that this command wrote for itself into one of our errors."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # a damaged pickle raises anything
        what = "is not there any more" if isinstance(error, FileNotFoundError) else "is damaged"
        raise LostFileError(
            f"{path}, which this command wrote a moment ago, {what} ({type(error).__name__}): something else cleans or "
            "changes that folder, or its disk fails. Nothing was changed: run the same command again"
        ) from error


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there, with all that it holds, also what is protected from its owner.

    Raises:
        CannotRemoveError: some of it is still there.
    """
    for _ in range(3):  # a worker that was given up may still write there
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.lexists(folder):
            return
    problem = OSError("something adds to it")
    try:
        _open_to_owner(folder)
        shutil.rmtree(folder)
    except OSError as error:
        problem = error
    if os.path.lexists(folder):  # else somebody else removed the rest
        raise CannotRemoveError(
            f"cannot remove {problem.filename or folder}: {problem.strerror or problem}. {folder} may hold texts that "
            "are to be deleted: make it removable and run this again, or remove it by hand"
        ) from problem


def _open_to_owner(folder: Path) -> None:
    """Let the owner change what is in a folder and in all below, before it is looked into; no link is followed."""
    if folder.is_symlink():
        return
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)
    for inner, names, _ in os.walk(folder):
        for below in (Path(inner, name) for name in names):
            if not below.is_symlink():
                with suppress(OSError):
                    below.chmod(stat.S_IRWXU)


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a binary file; it replaces what stands at ``path`` when the block ends without an error.

    The folder of ``path`` exists.
    """
    with _temporary(path) as (temporary, file):
        yield file
        _close(file)
        temporary.replace(path)
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace what stands at ``path`` by ``content``."""
    with replaced(path) as file:
        file.write(content)


def write_text(path: Path, text: str) -> None:
    """Replace what stands at ``path`` by ``text`` in UTF-8."""
    write_bytes(path, text.encode())


def create_text(path: Path, text: str) -> bool:
    """Create a file with ``text`` in UTF-8; return whether it was created.

    A file that stands there already is kept, also where several processes create it at once: one of them succeeds.
    """
    with _temporary(path) as (temporary, file):
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
def _temporary(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield a new file beside ``path``, open for writing; an error in the block removes it."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
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
