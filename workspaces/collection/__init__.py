"""The chat-log files: append, scan."""

from workspaces.collection.collection import Appended, Collection

__all__ = ["Appended", "Collection"]
