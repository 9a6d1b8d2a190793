"""Files that are whole or not there, whatever kills the process that writes them."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Write ``text`` in UTF-8 in place of what stands at ``path``; ``mode`` are its permissions, before the umask."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink()
        raise


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read."""
    write_text(path, text, 0o600)
