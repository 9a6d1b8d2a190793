"""``chatfeedback.yaml``: its model, how it is read, and the commented file that ``init`` writes."""

from importlib.resources import files

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

TEMPLATE = files(__name__).joinpath("template.yaml").read_text(encoding="utf-8")
"""What ``init`` writes: every setting with its default and a comment."""

__all__ = [
    "TEMPLATE",
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
]
