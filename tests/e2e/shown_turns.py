"""What a page of a platform shows of turns, and what it should show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workspaces.platforms.rendering import rendering_of
from workspaces.records import Display

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from workspaces.forms import Turn

READ = """
turns => turns.map(turn => {
  for (const folded of turn.querySelectorAll("details")) {
    if (folded.open) throw new Error("a text is not folded");
    folded.open = true;
  }
  const rendered = turn.querySelector(".cfw-md"), typed = turn.querySelector(".cfw-plain");
  const folded = turn.querySelector("details:not(.cfw-typed)");
  const beginning = folded ? folded.querySelector("summary").innerText : "";
  const text = folded && !typed ? folded.innerText.slice(beginning.length).replace(/^\\n/, "") : null;
  const inside = rendered ? [...rendered.querySelectorAll("*")] : [];
  return {
    typed: typed ? typed.innerText : text ?? turn.innerText,
    rendered: rendered && rendered.textContent,
    tags: inside.map(it => it.localName),
    attributes: [...new Set(inside.flatMap(it => it.getAttributeNames()))].sort(),
  };
})
"""
"""Opens what is folded in turns and returns what each says."""

_TAG = re.compile(r"<([a-z0-9]+)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One turn: its text as typed, and what its rendering says and is made of; None where there is none."""

    typed: str
    rendered: str | None = None
    tags: tuple[str, ...] = ()


def turn_as_shown(turn: Turn, display: Display) -> Shown:
    """Return what a page should show of a turn."""
    rendering = rendering_of(turn.text) if display is Display.MARKDOWN and not turn.verbatim else None
    if rendering is None:
        return Shown(turn.text)
    return Shown(turn.text, rendering.text, tuple(_TAG.findall("".join(rendering.blocks))))


def turns_shown(turns: Locator) -> list[Shown]:
    """Return what a page shows of turns, having opened what is folded."""
    seen = turns.evaluate_all(READ)
    assert {name for it in seen for name in it["attributes"]} <= {"class", "dir"}
    return [Shown(it["typed"], it["rendered"], tuple(it["tags"])) for it in seen]
