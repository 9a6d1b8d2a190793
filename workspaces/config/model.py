"""``chatfeedback.yaml`` as a model: all its sections."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workspaces.config.chat import ChatConfig
from workspaces.config.chat_logs import ChatLogsConfig, ConsentConfig, PrivacyConfig, SourceConfig
from workspaces.config.exports import ExportsConfig
from workspaces.config.generation import DEFAULT, MixConfig, SelectConfig
from workspaces.config.llm import LLMConfig, ModerationConfig
from workspaces.config.people import DemographicsConfig, OwnLogs, PeopleConfig, QualityConfig
from workspaces.config.platforms import PlatformsConfig
from workspaces.config.points import BudgetConfig, Levels, RatesConfig, SpendingConfig
from workspaces.config.routing import RoutingConfig
from workspaces.config.rubrics import RubricConfig, RubricName, criteria_in
from workspaces.config.section import Section, Variable
from workspaces.config.web import WebConfig
from workspaces.kinds import Criterion, rubric_of
from workspaces.records import Display


class StoreConfig(Section):
    """Where the tables are: SQLite in the workspace, or the PostgreSQL database whose URL a variable holds."""

    url_env: Variable | None = None


MixName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Config(Section):
    """The whole of ``chatfeedback.yaml``."""

    version: Literal[1]
    platforms: PlatformsConfig
    llm: LLMConfig | None = None
    moderation: ModerationConfig | None = None
    select: SelectConfig = SelectConfig()
    mix: MixConfig = Field(default_factory=MixConfig)
    mixes: dict[MixName, MixConfig] = Field(default={})
    rubrics: dict[RubricName, RubricConfig] = Field(default={})
    routing: RoutingConfig = RoutingConfig()
    rates: RatesConfig = Field(default_factory=RatesConfig)
    spending: SpendingConfig = SpendingConfig()
    chat: ChatConfig = ChatConfig()
    store: StoreConfig = StoreConfig()
    levels: Levels = Field(default={"newcomer": 0, "regular": 200, "expert": 2000})
    budget: BudgetConfig = BudgetConfig()
    chat_logs: ChatLogsConfig = ChatLogsConfig()
    consent: ConsentConfig = ConsentConfig()
    sources: dict[str, SourceConfig] = Field(default={})
    privacy: PrivacyConfig = PrivacyConfig()
    people: PeopleConfig = PeopleConfig()
    quality: QualityConfig = QualityConfig()
    exports: ExportsConfig = ExportsConfig()
    demographics: DemographicsConfig = DemographicsConfig()
    web: WebConfig = WebConfig()
    display: Display = Display.MARKDOWN

    @model_validator(mode="after")
    def _refused_earns_nothing(self) -> "Config":
        if self.quality.own is OwnLogs.REFUSED and self.rates.own:
            raise ValueError(
                f"quality.own refuses answers about one's own conversations, and rates.own pays {self.rates.own:g} "
                "times for them: set rates.own to 0 and give rates.version a new name"
            )
        return self

    @model_validator(mode="after")
    def _strangers_are_not_paid(self) -> "Config":
        if self.web.sharelm_plugin and self.rates.bonuses.shared_chat_log:
            raise ValueError(
                "web.sharelm_plugin takes conversations from anybody, under as many ids as they like, and "
                "rates.bonuses.shared_chat_log pays for them: set it to 0 and give rates.version a new name"
            )
        return self

    @model_validator(mode="after")
    def _chat_models_have_addresses(self) -> "Config":
        for each in self.chat.models:
            if each.base_url is None and self.llm is None:
                raise ValueError(
                    f"chat.models: {each.model!r} needs a base_url, as there is no section llm to take it from"
                )
            if self.chat.seed_feedback and self.llm is not None and self.llm.budget is not None:
                is_llms = each.base_url is None and (each.upstream or each.model) == self.llm.model
                if each.input_price is None and not is_llms:
                    raise ValueError(
                        f"chat.models: {each.model!r} needs input_price and output_price, as chat.seed_feedback is "
                        "paid from llm.budget"
                    )
        return self

    @model_validator(mode="after")
    def _one_way_to_say_mixes(self) -> "Config":
        if self.mixes and "mix" in self.model_fields_set:
            raise ValueError(
                f"mix and mixes cannot both stand: move mix into mixes, as 'mixes: {{{DEFAULT}: ...}}', under which "
                "name the tasks count that it drew"
            )
        return self

    @model_validator(mode="after")
    def _mixes_name_rubrics(self) -> "Config":
        for name, mix in self.all_mixes().items():
            for kind in [*mix.kinds, *mix.platforms]:
                rubric = rubric_of(kind)
                if rubric is not None and rubric not in self.rubrics:
                    known = ", ".join(self.rubrics) or "none"
                    raise ValueError(
                        f"the mix {name!r} names {kind!r}, and there is no rubric {rubric!r}: write its criteria under "
                        f"rubrics.{rubric} (rubrics here: {known})"
                    )
        return self

    @model_validator(mode="after")
    def _mixes_fit_the_platforms(self) -> "Config":
        known, usual = self.platforms.names(), self.platforms.shares()
        overlaps: dict[tuple[str, str], tuple[str, int]] = {}
        for name, mix in self.all_mixes().items():
            for kind, shares in mix.platforms.items():
                if unknown := sorted(shares.keys() - set(known)):
                    raise ValueError(
                        f"platforms.{kind} of the mix {name!r} names {unknown[0]!r}; platforms here: {', '.join(known)}"
                    )
            for kind, weight in mix.kinds.items():
                for platform, share in mix.shares_of(kind, usual).items():
                    if not weight or not share:
                        continue
                    other, overlap = overlaps.setdefault((platform, kind), (name, mix.overlap))
                    if overlap != mix.overlap:
                        raise ValueError(
                            f"the mixes {other!r} and {name!r} both send {kind} tasks to {platform}, with overlap "
                            f"{overlap} and {mix.overlap}: a platform keeps one overlap for a kind; give both the "
                            "same, or let the mixes use different platforms (mixes.NAME.platforms)"
                        )
        return self

    @model_validator(mode="after")
    def _groups_name_mixes(self) -> "Config":
        known = self.all_mixes()
        for group, names in self.routing.groups.items():
            if unknown := sorted(set(names) - known.keys()):
                raise ValueError(
                    f"routing.groups.{group} names the mix {unknown[0]!r}; mixes here: {', '.join(known)}"
                )
        return self

    def mixes_of(self, group: str | None, made: Collection[str]) -> frozenset[str]:
        """Return the mixes that a group of people works on: those that it names.

        Without a group, or with one that is not there any more, those that no group names, also former ones.

        Args:
            group: the name of the group.
            made: the mixes that tasks were ever drawn by.
        """
        groups = self.routing.groups
        if group in groups:
            return frozenset(groups[group])
        return frozenset({*made, *self.all_mixes()}).difference(*groups.values())

    def all_mixes(self) -> Mapping[str, MixConfig]:
        """Return every mix by name; one that stands under ``mix`` is named ``default``."""
        return self.mixes or {DEFAULT: self.mix}

    def criteria(self) -> Mapping[str, tuple[Criterion, ...]]:
        """Return the criteria of each rubric by its name."""
        return criteria_in(self.rubrics)

    def judges(self) -> tuple[str, ...]:
        """Return the models that give seed feedback; none where the offline stand-in does."""
        return () if self.llm is None else tuple(judge.model for judge in self.llm.each_judge())
