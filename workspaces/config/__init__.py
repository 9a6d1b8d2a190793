"""``chatfeedback.yaml``: its model, the code that reads it, and the commented file that ``init`` writes."""

from workspaces.config.generation import MixConfig, SelectConfig
from workspaces.config.llm import LLMConfig, ModerationConfig
from workspaces.config.load import load_config, secret_from_environment
from workspaces.config.model import Config, StoreConfig
from workspaces.config.people import DemographicsConfig
from workspaces.config.platforms import PlatformConfig, PlatformsConfig
from workspaces.config.points import (
    BonusesConfig,
    BudgetConfig,
    PriceConfig,
    RatesConfig,
    SpendingConfig,
)
from workspaces.config.template import Choices, template

__all__ = [
    "BonusesConfig",
    "BudgetConfig",
    "Choices",
    "Config",
    "DemographicsConfig",
    "LLMConfig",
    "MixConfig",
    "ModerationConfig",
    "PlatformConfig",
    "PlatformsConfig",
    "PriceConfig",
    "RatesConfig",
    "SelectConfig",
    "SpendingConfig",
    "StoreConfig",
    "load_config",
    "secret_from_environment",
    "template",
]
