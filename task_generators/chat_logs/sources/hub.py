"""Datasets of the Hugging Face hub, streamed."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from task_generators.chat_logs.sources.rows import Row
from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


PROBE_SECONDS = 5.0
"""How long the hub may take to say that it has a dataset: without a network, its own client tries for a minute."""

_OF_REQUESTS = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}


def splits_of(name: str) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the name and the rows of each split of ``OWNER/NAME`` or ``OWNER/NAME:CONFIGURATION``.

    Raises:
        UsageError: the name is not that of a dataset.
        ConnectionFailedError: the hub cannot be reached, or does not give the dataset.
    """
    repository, _, configuration = name.partition(":")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UsageError(f"hf:{name} is no dataset of the hub: write hf:OWNER/NAME")
    with _hub_errors_explained(name):
        _ask_for(repository)

        import datasets  # takes seconds

        for library in ("huggingface_hub", "datasets"):  # they tell of every request that they try again
            logging.getLogger(library).setLevel(logging.ERROR)
        splits: Any = datasets.load_dataset(repository, configuration or None, streaming=True)
    for split in sorted(splits):
        yield split, _rows(name, splits[split])


def _ask_for(repository: str) -> None:
    """Ask the hub for a dataset, and wait for ``PROBE_SECONDS``; looking up its address cannot be bounded otherwise.

    Raises:
        OSError: the hub does not answer, or has no such dataset for us.
    """
    from huggingface_hub import HfApi, constants

    answers: SimpleQueue[Exception | None] = SimpleQueue()

    def ask() -> None:
        try:
            HfApi(endpoint=constants.ENDPOINT).dataset_info(repository, timeout=PROBE_SECONDS)
        except Exception as error:
            answers.put(error)
        else:
            answers.put(None)

    threading.Thread(target=ask, daemon=True).start()
    try:
        error = answers.get(timeout=PROBE_SECONDS)
    except Empty:
        raise TimeoutError(f"no answer in {PROBE_SECONDS:g} seconds") from None
    if error is not None:
        raise error


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
    except Exception as error:
        if not (isinstance(error, OSError | RuntimeError) or _package(error) in _OF_REQUESTS):
            raise
        raise ConnectionFailedError(
            f"hf:{name} cannot be fetched from the Hugging Face hub: {_one_line(error)}. Check the name and the "
            "network. For a set behind a licence sign in with 'hf auth login'; or download it, and give its folder"
        ) from None


def _package(error: Exception) -> str:
    return type(error).__module__.partition(".")[0]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
