"""What can go wrong, one class for each thing a caller can do about it."""

from __future__ import annotations


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


class CredentialsError(ConnectionFailedError):
    """A platform or an LLM answered and does not accept our key. Trying again will not help."""


class RowsRejectedError(WorkbenchError):
    """Some rows could not be read; the rest was kept."""

    exit_code = 5
