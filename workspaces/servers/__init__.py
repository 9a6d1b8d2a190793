"""Servers without Docker, started and stopped by one command; a module for each platform's."""

from workspaces.servers.managed import ManagedServer, ServerAccess, ServerStatus

__all__ = ["ManagedServer", "ServerAccess", "ServerStatus"]
