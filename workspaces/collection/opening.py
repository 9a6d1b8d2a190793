"""Opens the files of the collection; one that is missing or damaged is named, with what helps."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from workspaces.errors import ConfigurationError, WorkbenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BACKUP = "restore the collection and the store from one backup"


class DamagedPartError(WorkbenchError):
    """A file of the collection is not what was written."""

    exit_code = ConfigurationError.exit_code


class MissingPartError(DamagedPartError, FileNotFoundError):
    """A file of the collection is gone."""


@contextmanager
def opened_part(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file of the collection for reading.

    Raises:
        MissingPartError: it is gone.
        DamagedPartError: it cannot be read, or what is read in the block.
    """
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except FileNotFoundError as error:
        raise MissingPartError(f"{path} is part of the collection, and gone: {BACKUP}") from error
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, MemoryError) or getattr(
            error, "errno", None
        ):  # of the system, not of the content
            raise
        reason = " ".join(str(error).split())[:100]
        raise DamagedPartError(
            f"{path} is part of the collection, and damaged ({reason}): {BACKUP}"
        ) from error
