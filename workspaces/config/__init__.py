"""``chatfeedback.yaml``: its model, how it is read, and the commented file that ``init`` writes."""

from workspaces.config.load import load_config, secret_from_environment
from workspaces.config.model import (
    BonusesConfig,
    BudgetConfig,
    Config,
    DemographicsConfig,
    LLMConfig,
    MixConfig,
    ModerationConfig,
    PlatformConfig,
    PlatformsConfig,
    PriceConfig,
    RatesConfig,
    SelectConfig,
    SpendingConfig,
    StoreConfig,
)
from workspaces.config.template import template

__all__ = [
    "BonusesConfig",
    "BudgetConfig",
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
