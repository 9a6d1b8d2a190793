"""Definitions of the tools that a model could call, as logs name them and trainers read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

_NAME = re.compile(r"[\w.:/-]{1,64}")


def definition_of(tool: object) -> dict[str, JsonValue] | None:
    """Return the definition of a tool: an object as it stands, a name as a function of that name; None of all else."""
    if isinstance(tool, dict):
        return tool
    if isinstance(tool, str) and _NAME.fullmatch(tool):
        return {"type": "function", "function": {"name": tool}}
    return None
