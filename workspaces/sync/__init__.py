"""Answers come back: polling over REST is the truth."""

from workspaces.sync.polling import Synced, sync

__all__ = ["Synced", "sync"]
