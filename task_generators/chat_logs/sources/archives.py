"""The data files of a ``.zip``, such as the export of a chat service; read in place, and bounded."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, BinaryIO

from task_generators.chat_logs.sources.opening import bounded
from workspaces.errors import UsageError
from workspaces.files import opened

if TYPE_CHECKING:
    from pathlib import Path

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
        with opened(path) as file, zipfile.ZipFile(file) as archive:
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
    file = opened(path)
    try:
        member = zipfile.ZipFile(file).open(name)  # noqa: SIM115 - the reader closes it
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, KeyError) as error:
        file.close()
        raise OSError(str(error)) from None
    assert isinstance(member, zipfile.ZipExtFile)
    return bounded(file, member, path.stat().st_size)
