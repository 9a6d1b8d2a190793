"""The file that ``init`` writes: whatever is chosen, it is valid, keeps every comment and holds what was chosen."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workspaces.config import Config, LLMConfig, PlatformsConfig, load_config
from workspaces.config.template import Choices, template
from workspaces.registry import PLATFORMS

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.config import PlatformConfig

OWN = "https://labels.example.org:8443/path"
USES = ("absent", "managed", "own")
LLM = LLMConfig.model_validate(
    {"base_url": "http://localhost:8000/v1", "model": "org/a-model:1.5", "api_key_env": "MY_KEY"}
)


def section(name: str, use: str) -> PlatformConfig:
    given = {} if use == "managed" else {"url": OWN, "api_key_env": f"OTHER_{name.upper()}_KEY"}
    return PlatformsConfig.section_of(name).model_validate(given)


def words(text: str) -> list[str]:
    """Return the words of a file's comments and settings, in order, without the marks of comments."""
    return [word for line in text.splitlines() for word in line.replace("#", " ").split()]


@pytest.mark.parametrize(
    "uses", [uses for uses in product(USES, repeat=len(PLATFORMS)) if set(uses) != {"absent"}]
)
@pytest.mark.parametrize("llm", [None, LLM])
@pytest.mark.parametrize("delay_hours", [None, 0])
def test_every_combination_of_answers_loads_and_says_what_was_answered(
    tmp_path: Path, uses: tuple[str, ...], llm: LLMConfig | None, delay_hours: int | None
) -> None:
    chosen = {name: section(name, use) for name, use in zip(PLATFORMS, uses, strict=True) if use != "absent"}
    text = template(Choices(chosen, llm, delay_hours))
    file = tmp_path / "chatfeedback.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load_config(file)
    assert loaded.platforms.sections() == chosen
    assert loaded.llm == (None if llm is None else llm.model_copy(update={"concurrency": 4}))
    assert loaded.consent.delay_hours == (24 if delay_hours is None else delay_hours)
    plain = load_config_of(tmp_path, template())
    assert loaded.model_copy(update={"platforms": None, "llm": None, "consent": None}) == plain.model_copy(
        update={"platforms": None, "llm": None, "consent": None}
    )
    before, after = words(template()), words(text)
    assert len(after) == len(before)  # nothing left out: values alone differ
    changed = {old for old, new in zip(before, after, strict=True) if old != new}
    defaults = {"managed", "24", "https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY"}
    assert changed <= defaults | {f"{name.upper()}_API_KEY" for name in PLATFORMS}


def test_without_choices_it_is_the_same_file() -> None:
    everything = {name: PlatformsConfig.section_of(entry.name)() for name, entry in PLATFORMS.items()}
    assert template(Choices()) == template(Choices(everything)) == template()


@given(
    model=st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable()),
    path=st.text("abcdefghijklmnopqrstuvwxyz0123456789-_./~%#?=&'", max_size=30),
)
def test_any_name_of_a_model_and_any_address_is_read_as_it_was_typed(
    tmp_path_factory: pytest.TempPathFactory, model: str, path: str
) -> None:
    llm = LLMConfig.model_validate({"base_url": f"https://llm.example.org/{path}", "model": model})
    loaded = load_config_of(tmp_path_factory.mktemp("config"), template(Choices(llm=llm)))
    assert loaded.llm == llm


def load_config_of(folder: Path, text: str) -> Config:
    file = folder / "other.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)
