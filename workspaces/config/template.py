"""The commented file that ``init`` writes."""

from __future__ import annotations

from importlib.resources import files

from workspaces.kinds import asked_kinds, paid_parts


def template() -> str:
    """Return a configuration file with every setting, its default and a comment."""
    kinds = (f"    {name}: {kind.weight:g}" for name, kind in asked_kinds().items())
    parts = (f"  {f'{name}: {part.points}':<16}  # {part.description}" for name, part in paid_parts().items())
    text = files("workspaces.config").joinpath("template.yaml").read_text(encoding="utf-8")
    return text.replace("    # {kinds}", "\n".join(kinds)).replace("  # {parts}", "\n".join(parts))
