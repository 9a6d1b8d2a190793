"""Datasets of the Hugging Face hub, streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.rows import HUB, Row
from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def hub_rows(name: str) -> Iterator[Row]:
    """Yield the rows of ``OWNER/NAME`` or ``OWNER/NAME:CONFIGURATION``, split by split, numbered within each.

    Raises:
        UsageError: the name is none of a dataset.
        ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
    """
    import datasets

    repository, _, configuration = name.partition(":")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UsageError(f"{HUB}{name} is no dataset of the hub: write {HUB}OWNER/NAME")
    try:
        found: Any = datasets.load_dataset(repository, configuration or None, streaming=True)
        for split, rows in sorted(found.items()):
            for number, value in enumerate(rows, start=1):
                yield Row(number, dict(value), file=str(split))
    except ValueError as error:
        raise UsageError(f"{HUB}{name} cannot be read: {_line(error)}") from None
    except (OSError, RuntimeError) as error:  # the hub's own errors are among these
        raise ConnectionFailedError(
            f"{HUB}{name} cannot be fetched from the Hugging Face hub: {_line(error)}. Check the name and the "
            "network; for a set behind a licence, sign in with 'hf auth login', or download it and give its folder"
        ) from None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
