"""Redaction: personal data and secrets leave a conversation before anything is stored."""

from workspaces.privacy.redaction.candidate import Kind
from workspaces.privacy.redaction.presidio import PresidioRedactor
from workspaces.privacy.redaction.redactor import Redacted, Redactor

__all__ = ["Kind", "PresidioRedactor", "Redacted", "Redactor"]
