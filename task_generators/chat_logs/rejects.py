"""The rejects file: the rows of a source that did not enter the collection, with their position and the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from pathlib import Path

    from task_generators.chat_logs.sources import Source


class RejectsFile:
    """A JSONL file of rejects. It is created with the first reject, and replaces that of an earlier run."""

    def __init__(self, path: Path, source: Source) -> None:
        self._path = path
        self._source = source
        self._file: TextIO | None = None
        self.first_reason = ""
        """Why the first row was rejected."""

    @property
    def path(self) -> str | None:
        """Where the file is; None as long as there is no reject."""
        return None if self._file is None else str(self._path)

    def __enter__(self) -> RejectsFile:
        return self

    def write(self, line: int, reason: str) -> None:
        """Write one reject: the position of row ``line`` in its source, and the reason."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)  # a new file has the permissions of new files
            self._file = self._path.open("w", encoding="utf-8")
            self.first_reason = reason
        reject = {**self._source.place(line), "reason": reason}
        self._file.write(json.dumps(reject) + "\n")  # ASCII: any name can be written

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
