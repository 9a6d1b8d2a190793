"""Pseudonyms: the one place that knows who somebody is on a platform."""

from workspaces.privacy.pseudonyms import Pseudonyms, create_key, read_key

__all__ = ["Pseudonyms", "create_key", "read_key"]
