"""Pseudonyms: the one place that knows who somebody is on a platform; and what people say of themselves, sealed."""

from workspaces.privacy.demographics import DemographicAnswers
from workspaces.privacy.pseudonyms import Pseudonyms, create_key, read_key

__all__ = ["DemographicAnswers", "Pseudonyms", "create_key", "read_key"]
