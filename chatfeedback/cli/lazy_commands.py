"""The commands by name; the module of a command is imported when the command is asked for, for the help all of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import typer
from typer.core import MarkupMode, TyperCommand, TyperGroup
from typer.main import get_group

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

MODULES = {
    "init": "setup",
    "doctor": "setup",
    "up": "servers",
    "down": "servers",
    "status": "servers",
    "ingest": "ingest",
    "collection": "collection",
    "consent": "consent",
    "seed": "seed",
    "rubric": "rubric",
    "counterparts": "counterparts",
    "generate": "generate",
    "push": "tasks",
    "route": "route",
    "sync": "sync",
    "tasks": "task_list",
    "gold": "gold",
    "adjudicate": "adjudicate",
    "settle": "points",
    "wallet": "points",
    "leaderboard": "leaderboard",
    "ledger": "ledger",
    "budget": "budget",
    "report": "report",
    "ranking": "ranking",
    "demographics": "demographics",
    "export": "export",
    "people": "people",
    "web": "web",
    "keys": "keys",
    "chats": "chats",
    "demo": "demo",
}
"""The module of ``chatfeedback.cli`` that registers each command, in the order of the help."""

MARKUP: MarkupMode = "markdown"
"""Of the help of every command."""


class LazyCommands(Mapping[str, TyperCommand | TyperGroup]):
    """The commands of ``MODULES`` by name."""

    def __getitem__(self, name: str) -> TyperCommand | TyperGroup:
        command: TyperCommand | TyperGroup = _commands_of(MODULES[name])[name]
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(MODULES)

    def __len__(self) -> int:
        return len(MODULES)


class LazyGroup(TyperGroup):
    """A group of ``LazyCommands``."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast("MutableMapping[str, Any]", LazyCommands())  # which a group only reads


@cache
def _commands_of(module: str) -> Mapping[str, Any]:
    part = typer.Typer(rich_markup_mode=MARKUP)
    import_module(f"chatfeedback.cli.{module}").register(part)
    return get_group(part).commands
