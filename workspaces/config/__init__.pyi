from .chat import DYNAMIC, STAND_IN, ChatConfig, ChatModelConfig, DynamicRule
from .exports import ExportsConfig
from .generation import MixConfig, SelectConfig
from .llm import LLMConfig, ModerationConfig
from .load import load_config, secret_from_environment
from .model import Config, StoreConfig
from .people import DemographicsConfig
from .platforms import PlatformConfig, PlatformsConfig
from .points import BonusesConfig, BudgetConfig, PriceConfig, RatesConfig, SpendingConfig
from .routing import RoutingConfig
from .web import OidcConfig

__all__ = [
    "DYNAMIC",
    "STAND_IN",
    "BonusesConfig",
    "BudgetConfig",
    "ChatConfig",
    "ChatModelConfig",
    "Config",
    "DemographicsConfig",
    "DynamicRule",
    "ExportsConfig",
    "LLMConfig",
    "MixConfig",
    "ModerationConfig",
    "OidcConfig",
    "PlatformConfig",
    "PlatformsConfig",
    "PriceConfig",
    "RatesConfig",
    "RoutingConfig",
    "SelectConfig",
    "SpendingConfig",
    "StoreConfig",
    "load_config",
    "secret_from_environment",
]
