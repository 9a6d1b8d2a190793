"""The data files of a ``.zip``, such as the export of a chat service; read in place, and bounded."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, BinaryIO, cast

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

MAX_EXPANSION = 200
"""Bytes made of one packed byte: chat logs give 3 to 30."""

FREE_BYTES = 256 * 1024 * 1024
"""Bytes that any archive may unpack to."""

MAX_MEMBERS = 10_000


def is_archive(path: Path) -> bool:
    """Return whether a file is called a ``.zip``."""
    return path.suffix.lower() == ".zip"


def members(path: Path) -> list[str]:
    """Return the names of the files in an archive, sorted, without hidden ones.

    Raises:
        UsageError: it is no archive, is encrypted, or has too many files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            found = [entry for entry in archive.infolist() if not entry.is_dir()]
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if len(found) > MAX_MEMBERS:
        raise UsageError(f"{path} holds more than {MAX_MEMBERS} files: unpack it, and give the folder")
    if any(entry.flag_bits & 1 for entry in found):
        raise UsageError(f"{path} is encrypted: unpack it, and give the folder")
    return sorted(
        entry.filename
        for entry in found
        if not any(part.startswith((".", "__MACOSX")) for part in entry.filename.split("/"))
    )


def opened_member(path: Path, name: str) -> BinaryIO:
    """Open a file of an archive.

    Raises:
        OSError: the archive cannot be read; while the file is read, it unpacks to far more than a chat log does.
    """
    try:
        archive = zipfile.ZipFile(path)
        return io.BufferedReader(_Member(archive, name, max(FREE_BYTES, MAX_EXPANSION * path.stat().st_size)))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError) as error:
        raise OSError(str(error)) from None


class _Member(io.RawIOBase):
    """A file of an archive, which raises an error once it is too long for the archive's size."""

    def __init__(self, archive: zipfile.ZipFile, name: str, left: int) -> None:
        self._archive = archive
        self._file = cast("zipfile.ZipExtFile", archive.open(name))
        self._left = left

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read bytes into ``buffer``; return how many."""
        view = memoryview(buffer)
        try:
            piece = self._file.read1(len(view))
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise OSError(str(error)) from None
        self._left -= len(piece)
        if self._left < 0:
            raise OSError(f"it unpacks to more than {MAX_EXPANSION} times its size, which no chat log does")
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
            self._archive.close()
        super().close()
