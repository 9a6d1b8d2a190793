"""The collection of chat logs: appends them to files, and scans them."""

from workspaces.collection.appender import Appended
from workspaces.collection.collection import Collection

__all__ = ["Appended", "Collection"]
