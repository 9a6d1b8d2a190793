"""The Hugging Face hub: whether it answers and has a dataset, and what its errors mean.

Nothing here takes long to import, so that a command can ask before it does anything else.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import cache
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from workspaces.errors import ConnectionFailedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

HUB = "hf:"
"""What the address of a dataset of the hub begins with."""

ANSWER_SECONDS = 5.0
"""How long the hub may take to say that it has a dataset: without a network, its own client tries for a minute."""

_OF_REQUESTS = {"httpx", "httpx2", "httpcore", "requests", "urllib3"}


def repository_of(name: str) -> tuple[str, str | None]:
    """Return the dataset and the configuration of ``OWNER/NAME`` or ``OWNER/NAME:CONFIGURATION``.

    Raises:
        UsageError: the name is not that of a dataset.
    """
    repository, _, configuration = name.partition(":")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise UsageError(f"{HUB}{name} is no dataset of the hub: write {HUB}OWNER/NAME")
    return repository, configuration or None


@cache
def ask_for(name: str) -> None:
    """Ask the hub for a dataset, and wait for ``ANSWER_SECONDS``. What it has is asked for once in a process.

    Raises:
        UsageError: the name is not that of a dataset.
        ConnectionFailedError: the hub does not answer, or has no such dataset for us.
    """
    repository, _ = repository_of(name)
    with hub_errors_explained(name):
        error = _answer(repository)
        if error is not None:
            raise error


@contextmanager
def hub_errors_explained(name: str) -> Iterator[None]:
    """Say of an error of the hub's client what it means and what to do.

    Raises:
        UsageError: the dataset has no such configuration.
        ConnectionFailedError: anything else that the hub, or the way to it, has to do with.
    """
    try:
        yield
    except ValueError as error:  # no such configuration
        raise UsageError(f"{HUB}{name} cannot be read: {_one_line(error)}") from None
    except Exception as error:
        if not (isinstance(error, OSError | RuntimeError) or is_on_the_way(error)):
            raise
        raise ConnectionFailedError(
            f"{HUB}{name} cannot be fetched from the Hugging Face hub: {_one_line(error)}. Check the name and the "
            "network. For a set behind a licence sign in with 'hf auth login'; or download it, and give its folder"
        ) from None


def _answer(repository: str) -> Exception | None:
    """Return how the hub refuses a dataset; None: it has it. In a thread: nothing else bounds looking up an address."""
    from huggingface_hub import HfApi, constants

    answers: SimpleQueue[Exception | None] = SimpleQueue()

    def ask() -> None:
        try:
            HfApi(endpoint=constants.ENDPOINT).dataset_info(repository, timeout=ANSWER_SECONDS)
        except Exception as error:
            answers.put(error)
        else:
            answers.put(None)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=ANSWER_SECONDS)
    except Empty:
        return TimeoutError(f"no answer in {ANSWER_SECONDS:g} seconds")


def is_on_the_way(error: Exception) -> bool:
    """Return whether an error arose on the way to a server: it is not what the server answered."""
    return isinstance(error, ConnectionError) or type(error).__module__.partition(".")[0] in _OF_REQUESTS


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
