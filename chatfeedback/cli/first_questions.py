"""The few questions that ``init`` asks on a terminal. Every answer is checked as the configuration checks it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import typer
from pydantic import ValidationError

from chatfeedback.cli.output import note
from chatfeedback.cli.questions import yes_or_no
from workspaces.config import LLMConfig, PlatformsConfig
from workspaces.config.platforms import MANAGED
from workspaces.config.template import Choices
from workspaces.registry import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from workspaces.config import PlatformConfig
    from workspaces.registry import PlatformEntry

T = TypeVar("T")

BASE_URL, MODEL, KEY = "https://api.openai.com/v1", "gpt-4o-mini", "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True)
class Answered:
    """What goes into the configuration, and whether the lead has chat logs of their own."""

    choices: Choices
    own_logs: bool = True


def ask() -> Answered:
    """Ask on the terminal; Enter takes what stands in brackets.

    Raises:
        typer.Abort: the lead went away (Ctrl-C, Ctrl-D).
    """
    note("A few questions; Enter takes what stands in brackets. Everything can be changed later in the file.")
    own_logs = yes_or_no("Do you have chat logs of your own?", default=True)
    delay_hours = None
    if own_logs and yes_or_no(
        "Has everybody who gave them agreed already that annotators see them? (no: each conversation waits 24 hours)",
        default=False,
    ):
        delay_hours = 0
    platforms = {entry.name: _section(entry) for entry in _platforms()}
    return Answered(Choices(platforms, _llm(), delay_hours), own_logs)


def _platforms() -> list[PlatformEntry]:
    """Return the platforms to use: all, or some of them by number."""
    entries = list(PLATFORMS.values())
    titles = ", ".join(f"{number}: {entry.title}" for number, entry in enumerate(entries, start=1))

    def chosen(typed: str) -> list[PlatformEntry]:
        numbers = {int(word) for word in re.findall(r"[0-9]+", typed)}
        if typed.strip().casefold() == "all":
            return entries
        if not numbers or not numbers <= set(range(1, len(entries) + 1)) or re.search(r"[^0-9,;\s]", typed):
            raise ValueError("give one or several of these numbers, or 'all'")
        return [entries[number - 1] for number in sorted(numbers)]

    return _asked(f"Which platforms do your annotators use? ({titles})", "all", chosen)


def _section(entry: PlatformEntry) -> PlatformConfig:
    """Return where a platform is: one that 'up' runs, or the lead's own with the variable that holds its key."""

    def at(typed: str) -> PlatformConfig:
        return PlatformsConfig.section_of(entry.name).model_validate({"url": typed.strip()})

    section = _asked(
        f"{entry.title}: its address, if you run one already ('up' runs a private one)", MANAGED, at
    )
    if section.is_managed:
        return section
    default = str(PlatformsConfig.section_of(entry.name)().api_key_env)
    variable = _variable(
        f"{entry.title}: the environment variable that holds its administrator's key", default
    )
    return section.model_copy(update={"api_key_env": variable})


def _llm() -> LLMConfig | None:
    if not yes_or_no(
        "Shall an LLM give the seed feedback? (no: an offline stand-in of simple rules)",
        default=False,
    ):
        return None
    llm = _asked(
        "LLM: the address of its endpoint (of the OpenAI protocol)",
        BASE_URL,
        lambda typed: LLMConfig.model_validate({"base_url": typed.strip(), "model": MODEL}),
    )
    model = _asked("LLM: the model's name", MODEL, _checked_model)
    return llm.model_copy(update={"model": model, "api_key_env": _variable(_LLM_KEY, KEY)})


_LLM_KEY = "LLM: the environment variable that holds its key (the name alone; the key never stands in a file)"


def _checked_model(typed: str) -> str:
    return LLMConfig.model_validate({"base_url": BASE_URL, "model": typed.strip()}).model


def _variable(question: str, default: str) -> str:
    def named(typed: str) -> str:
        # a key itself may have the form of a name, such as hf_...: capital letters alone are taken, nothing is repeated
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", typed.strip(), re.ASCII):
            raise ValueError("give the NAME of a variable, in capital letters, and never the key itself")
        return typed.strip()

    name = _asked(question, default, named)
    if not os.environ.get(name):
        note(f"{name} is not set now: set it before the first command that needs it")
    return name


def _asked(question: str, default: str, understood: Callable[[str], T]) -> T:
    """Ask until the answer is understood."""
    while True:
        typed = typer.prompt(question, default=default, err=True)
        try:
            return understood(typed)
        except ValidationError as error:
            note(f"That does not work: {error.errors(include_url=False)[-1]['msg']}.")
        except ValueError as error:
            note(f"That does not work: {error}.")
