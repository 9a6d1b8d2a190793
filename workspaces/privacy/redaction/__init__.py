"""Redaction: removes personal data and secrets from a conversation before it is stored."""

from workspaces.privacy.redaction.presidio import PresidioRedactor
from workspaces.privacy.redaction.redactor import Redacted, Redactor
from workspaces.privacy.redaction.span import PlaceholderKind

__all__ = ["PlaceholderKind", "PresidioRedactor", "Redacted", "Redactor"]
