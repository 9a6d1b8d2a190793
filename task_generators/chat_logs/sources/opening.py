"""Opens a file of a chat log, decompressed as its name says, and gives up what unpacks to more than any log does."""

from __future__ import annotations

import gzip
import io
import zipfile
from typing import TYPE_CHECKING, BinaryIO, Protocol

import pyarrow as pa

from workspaces.files import opened

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import WriteableBuffer

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}

MAX_EXPANSION = 200
"""Bytes made of one packed byte: chat logs give 3 to 30, the same line over and over 300 to 1000."""

FREE_BYTES = 256 * 1024 * 1024
"""Bytes that any file may unpack to."""


class _Reader(Protocol):
    def read1(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class BombError(OSError):
    """A file unpacks to more than any chat log does."""


def unpacked(path: Path) -> BinaryIO:
    """Open a file, decompressed. A truncated file raises an error when its end is read.

    Raises:
        OSError: it cannot be opened or is no regular file; while it is read, ``BombError``.
    """
    compression = COMPRESSIONS.get(path.suffix.lower())
    file = opened(path)
    if compression is None:
        return file
    size = path.stat().st_size
    inner = (
        gzip.GzipFile(fileobj=file) if compression == "gzip" else pa.CompressedInputStream(file, compression)
    )
    return bounded(file, inner, size)


def bounded(file: BinaryIO, inner: _Reader, size: int) -> BinaryIO:
    """Return what ``inner`` unpacks from ``file``, of ``size`` bytes; reading raises ``BombError`` past the bounds."""
    return io.BufferedReader(_Bounded(file, inner, size))


class _Bounded(io.RawIOBase):
    """The content of a packed file, which raises an error once it is too long for the file's size."""

    def __init__(self, file: BinaryIO, inner: _Reader, size: int) -> None:
        self._file = file
        self._inner = inner
        self._left = max(FREE_BYTES, MAX_EXPANSION * size)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read bytes into ``buffer``; return how many."""
        view = memoryview(buffer)
        try:  # what there is: a truncated file gives all that stands before its end
            piece = self._inner.read1(len(view))
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise OSError(str(error)) from None
        self._left -= len(piece)
        if self._left < 0:
            raise BombError(
                f"it unpacks to more than {MAX_EXPANSION} times its size, which no chat log does: if it is one, unpack "
                "it yourself and read that"
            )
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._inner.close()
            self._file.close()
        super().close()
