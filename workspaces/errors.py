"""What can go wrong, one class for each thing a caller can do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class WorkbenchError(Exception):
    """Something expected went wrong; the message is one line for a person. ``exit_code`` is the command's."""

    exit_code = 1


class UsageError(WorkbenchError):
    """The command was called in a way it does not understand."""

    exit_code = 2


class ConfigurationError(WorkbenchError):
    """``chatfeedback.yaml`` or the workspace is missing, incomplete or wrong."""

    exit_code = 3


class ConnectionFailedError(WorkbenchError):
    """A platform, a server or an LLM could not be reached or refused us. Trying again later may help."""

    exit_code = 4


class NotRunningError(ConnectionFailedError):
    """A server that the workbench runs itself is not started. Nothing was sent, so nothing has to be waited for."""


class CredentialsError(ConnectionFailedError):
    """A platform or an LLM answered and does not accept our key. Trying again will not help."""


class RowsRejectedError(WorkbenchError):
    """Some rows could not be read; the rest was kept."""

    exit_code = 5


_FIRST = (ConfigurationError, UsageError, ConnectionFailedError, RowsRejectedError, WorkbenchError)
"""Of several failures the first class here decides the exit code: what has to be changed before trying again."""


def together(failures: Sequence[WorkbenchError]) -> WorkbenchError:
    """Return one error that names every failure, with the exit code of the gravest; the failure itself if it is one.

    ``failures`` are one or more.
    """
    if len(failures) == 1:
        return failures[0]
    gravest = next(kind for kind in _FIRST if any(isinstance(each, kind) for each in failures))
    return gravest("; ".join(dict.fromkeys(map(str, failures))))


def reason_of(error: Exception) -> str:
    """Return what an error says in one line, without the path and the number that the system adds."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8"
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
