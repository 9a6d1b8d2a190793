"""Servers without Docker: a private Argilla and a private Label Studio, started and stopped by one command."""

from workspaces.servers.argilla import ArgillaServer
from workspaces.servers.label_studio import LabelStudioServer
from workspaces.servers.managed import ManagedServer, ServerAccess, ServerStatus

__all__ = ["ArgillaServer", "LabelStudioServer", "ManagedServer", "ServerAccess", "ServerStatus"]
