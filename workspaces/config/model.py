"""``chatfeedback.yaml`` as a model: all its sections."""

from typing import Literal

from pydantic import Field, model_validator

from workspaces.config.chat_logs import ChatLogsConfig, ConsentConfig, PrivacyConfig, SourceConfig
from workspaces.config.generation import MixConfig, SelectConfig
from workspaces.config.llm import LLMConfig, ModerationConfig
from workspaces.config.people import DemographicsConfig, OwnLogs, PeopleConfig, QualityConfig
from workspaces.config.platforms import PlatformsConfig
from workspaces.config.points import BudgetConfig, Levels, RatesConfig, SpendingConfig
from workspaces.config.section import Section, Variable


class StoreConfig(Section):
    """Where the tables are: SQLite in the workspace, or the PostgreSQL database whose URL a variable holds."""

    url_env: Variable | None = None


class Config(Section):
    """The whole of ``chatfeedback.yaml``."""

    version: Literal[1]
    platforms: PlatformsConfig
    llm: LLMConfig | None = None
    moderation: ModerationConfig | None = None
    select: SelectConfig = SelectConfig()
    mix: MixConfig = Field(default_factory=MixConfig)
    rates: RatesConfig = Field(default_factory=RatesConfig)
    spending: SpendingConfig = SpendingConfig()
    store: StoreConfig = StoreConfig()
    levels: Levels = Field(default={"newcomer": 0, "regular": 200, "expert": 2000})
    budget: BudgetConfig = BudgetConfig()
    chat_logs: ChatLogsConfig = ChatLogsConfig()
    consent: ConsentConfig = ConsentConfig()
    sources: dict[str, SourceConfig] = Field(default={})
    privacy: PrivacyConfig = PrivacyConfig()
    people: PeopleConfig = PeopleConfig()
    quality: QualityConfig = QualityConfig()
    demographics: DemographicsConfig = DemographicsConfig()

    @model_validator(mode="after")
    def _refused_earns_nothing(self) -> "Config":
        if self.quality.own is OwnLogs.REFUSED and self.rates.own:
            raise ValueError(
                f"quality.own refuses answers about one's own conversations, and rates.own pays {self.rates.own:g} "
                "times for them: set rates.own to 0 and give rates.version a new name"
            )
        return self

    def judges(self) -> tuple[str, ...]:
        """Return the models that give seed feedback; none where the offline stand-in does."""
        return () if self.llm is None else tuple(judge.model for judge in self.llm.each_judge())
