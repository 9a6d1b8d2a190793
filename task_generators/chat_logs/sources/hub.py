"""Datasets of the Hugging Face hub, streamed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.sources.rows import Row
from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def splits_of(name: str) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the name and the rows of each split of ``OWNER/NAME`` or ``OWNER/NAME:CONFIGURATION``.

    Raises:
        UsageError: the name is not that of a dataset.
        ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
    """
    import datasets

    repository, _, configuration = name.partition(":")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UsageError(f"hf:{name} is no dataset of the hub: write hf:OWNER/NAME")
    with _hub_errors_explained(name):
        splits: Any = datasets.load_dataset(repository, configuration or None, streaming=True)
    for split in sorted(splits):
        yield split, _rows(name, splits[split])


def _rows(name: str, values: Iterable[dict[str, object]]) -> Iterator[Row]:
    with _hub_errors_explained(name):
        for number, value in enumerate(values, start=1):
            yield Row(number, value)


@contextmanager
def _hub_errors_explained(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # no such configuration
        raise UsageError(f"hf:{name} cannot be read: {_one_line(error)}") from None
    except (OSError, RuntimeError) as error:  # the hub's own errors are among these
        raise ConnectionFailedError(
            f"hf:{name} cannot be fetched from the Hugging Face hub: {_one_line(error)}. Check the name and the "
            "network. For a set behind a licence sign in with 'hf auth login'; or download it, and give its folder"
        ) from None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
