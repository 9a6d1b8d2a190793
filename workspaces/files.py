"""Files that are whole or not there, whatever kills the process that writes them."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Write ``text`` in UTF-8 in place of what stands at ``path``; ``mode`` are its permissions, before the umask."""
    write_bytes(path, text.encode(), mode)


def write_bytes(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write ``content`` in place of what stands at ``path``; ``mode`` are its permissions, before the umask."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file that only its owner can read; a text in UTF-8."""
    write_bytes(path, content.encode() if isinstance(content, str) else content, 0o600)
