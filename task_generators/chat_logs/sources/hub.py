"""Datasets of the Hugging Face hub, streamed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.sources.rows import Row
from task_generators.hub import ask_for, hub_errors_explained, repository_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def splits_of(name: str) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the name and the rows of each split of ``OWNER/NAME`` or ``OWNER/NAME:CONFIGURATION``.

    Raises:
        UsageError: the name is not that of a dataset.
        ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
    """
    repository, configuration = repository_of(name)
    ask_for(name)

    import datasets  # takes seconds

    with hub_errors_explained(name):
        for library in ("huggingface_hub", "datasets"):  # they tell of every request that they try again
            logging.getLogger(library).setLevel(logging.ERROR)
        splits: Any = datasets.load_dataset(repository, configuration, streaming=True)
    for split in sorted(splits):
        yield split, _rows(name, splits[split])


def _rows(name: str, values: Iterable[dict[str, object]]) -> Iterator[Row]:
    with hub_errors_explained(name):
        for number, value in enumerate(values, start=1):
            yield Row(number, value)
