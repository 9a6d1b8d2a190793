"""Pseudonyms, the one place that knows who somebody is on a platform, and tombstones of what was deleted."""

from workspaces.privacy.pseudonyms import Pseudonyms, create_key, read_key
from workspaces.privacy.tombstones import Tombstones

__all__ = ["Pseudonyms", "Tombstones", "create_key", "read_key"]
