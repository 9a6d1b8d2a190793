"""Encodings of text files: what a byte order mark says, or the lead; the rest of the program reads UTF-8."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, BinaryIO, cast

from workspaces.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PIECE = 64 * 1024


def checked_encoding(name: str | None) -> str | None:
    """Return the name of an encoding.

    Raises:
        UsageError: Python knows no encoding of text of this name.
    """
    try:
        if name is not None:
            "".encode(name)
    except LookupError:
        raise UsageError(
            f"no encoding is called {name!r}; such are utf-8, utf-16, cp1252, latin-1, gb18030"
        ) from None
    return name


def in_utf8(file: BinaryIO, encoding: str | None = None) -> io.BufferedReader:
    """Return the text of a file as UTF-8 without a byte order mark.

    Args:
        file: a text file in UTF-8; in UTF-16 or UTF-32, which a byte order mark or its zeros show; or in ``encoding``.
        encoding: the encoding; None: as the file shows.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file))
    found = encoding or _shown(buffered.peek(4)[:4])
    if found == "utf-8-sig":
        buffered.read(len(codecs.BOM_UTF8))
    if found in (None, "utf-8", "utf-8-sig"):
        return cast("io.BufferedReader", buffered)
    return io.BufferedReader(_Recoded(buffered, str(found)))


def _shown(start: bytes) -> str | None:
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if len(start) == 4 and start[0] and start[2] and not start[1] and not start[3]:
        return "utf-16-le"
    if len(start) == 4 and start[1] and start[3] and not start[0] and not start[2]:
        return "utf-16-be"
    return None


class _Recoded(io.RawIOBase):
    """A file in another encoding, as UTF-8. Bytes that are no character become U+FFFD."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder(encoding)("replace").decode
        self._waiting = b""
        self._ended = False

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read bytes into ``buffer``; return how many."""
        view = memoryview(buffer)
        while not self._waiting and not self._ended:
            piece = self._file.read(_PIECE)
            self._ended = not piece
            self._waiting = self._decode(piece, final=self._ended).encode("utf-8", "replace")
        given = self._waiting[: len(view)]
        self._waiting = self._waiting[len(given) :]
        view[: len(given)] = given
        return len(given)

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()
