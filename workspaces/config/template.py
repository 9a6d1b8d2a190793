"""The commented file that ``init`` writes, with the lead's first choices in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from workspaces.config.platforms import PlatformsConfig
from workspaces.kinds import declared_kinds, paid_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workspaces.config.llm import LLMConfig
    from workspaces.config.platforms import PlatformConfig


@dataclass(frozen=True, slots=True)
class Choices:
    """What a lead decides before the first command; without any, the defaults of the file.

    ``platforms`` maps the names of those in use to their sections, of which the address and the variable that names
    the key are written; none: all, managed. ``delay_hours`` is how long a conversation is held before it is shared.
    """

    platforms: Mapping[str, PlatformConfig] = field(default_factory=dict)
    llm: LLMConfig | None = None
    delay_hours: int | None = None


def template(choices: Choices | None = None) -> str:
    """Return a configuration file with every setting, its default or what was chosen, and a comment."""
    kinds = (f"    {name}: {kind.weight:g}" for name, kind in declared_kinds().items())
    parts = (f"  {f'{name}: {part.points}':<16}  # {part.description}" for name, part in paid_parts().items())
    text = files("workspaces.config").joinpath("template.yaml").read_text(encoding="utf-8")
    text = text.replace("    # {kinds}", "\n".join(kinds)).replace("  # {parts}", "\n".join(parts))
    if choices is None:
        return text
    for name in PlatformsConfig.model_fields if choices.platforms else ():
        text = _with_platform(text, name, choices.platforms.get(name))
    if choices.llm is not None:
        text = _with_llm(text, choices.llm)
    if choices.delay_hours is not None:
        text = _set(text, "consent", "delay_hours", choices.delay_hours)
    return text


def _with_platform(text: str, name: str, section: PlatformConfig | None) -> str:
    """Return the text with the section of a platform filled in, or commented out where it is not used."""

    def written(block: re.Match[str]) -> str:
        lines = block[0]
        if section is None:
            return "".join(f"  # {line.removeprefix('  ')}\n" for line in lines.splitlines())
        if not section.is_managed:
            lines = _replaced(lines, "url", str(section.url))
        return _replaced(lines, "api_key_env", section.api_key_env)

    return _once(rf"^  {name}:\n(?:    .*\n)+", written, text)


def _with_llm(text: str, llm: LLMConfig) -> str:
    """Return the text with the section of the LLM in force; its other settings stay comments."""

    def written(block: re.Match[str]) -> str:
        lines = block[0].replace("# llm:\n", "llm:\n", 1)
        for key in ("base_url", "model", "api_key_env"):
            lines = _replaced(lines.replace(f"#   {key}: ", f"  {key}: ", 1), key, str(getattr(llm, key)))
        return lines

    return _once(r"^# llm:\n(?:#   .*\n)+", written, text)


def _set(text: str, section: str, key: str, value: object) -> str:
    """Return the text with another value of a key of a section."""
    return _once(rf"^{section}:\n(?:  .*\n)+", lambda block: _replaced(block[0], key, value), text)


def _replaced(lines: str, key: str, value: object) -> str:
    return _once(rf"^( +{key}: ).*$", lambda line: f"{line[1]}{_plain(value)}", lines)


def _plain(value: object) -> str:
    """Return a value as YAML: a name as it is, other text between quotation marks."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z_]\w*_\w+", value, re.ASCII):
        return value
    if not isinstance(value, str):
        return str(value)
    dumped: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**6)
    return dumped.rstrip("\n")


def _once(pattern: str, written: Callable[[re.Match[str]], str], text: str) -> str:
    changed, count = re.subn(pattern, written, text, flags=re.MULTILINE)
    assert count == 1, f"the template holds {pattern!r} {count} times"
    return changed
