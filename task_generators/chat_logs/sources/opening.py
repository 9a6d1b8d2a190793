"""Opens a file of a chat log, decompressed as its name says, and gives up what unpacks to more than any log does."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, BinaryIO

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
    return io.BufferedReader(_Bounded(file, inner, size))


class _Bounded(io.RawIOBase):
    """The content of a packed file, which raises an error once it is too long for the file's size."""

    def __init__(self, file: BinaryIO, inner: gzip.GzipFile | pa.CompressedInputStream, size: int) -> None:
        self._file = file
        self._inner = inner
        self._left = max(FREE_BYTES, MAX_EXPANSION * size)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read bytes into ``buffer``; return how many."""
        view = memoryview(buffer)
        piece = self._inner.read1(
            len(view)
        )  # what there is: a truncated file gives all that stands before its end
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
