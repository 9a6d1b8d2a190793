"""The collection's statistics as one HTML page that loads nothing: plots are inline SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from chatfeedback.safe_text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from workspaces.collection.statistics import CollectionStatistics

BARS = 25
WEEKS = 104
_ROW, _LABEL, _WIDTH = 22, 230, 760

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem }
dt { color: #52606d } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
svg { max-width: 100%; height: auto } text { font: 13px system-ui, sans-serif; fill: #1f2933 }
rect { fill: #2b6cb0 }
@media (prefers-color-scheme: dark) {
  body { background: #16191d; color: #e4e7eb } text { fill: #e4e7eb } rect { fill: #63b3ed } dt { color: #9aa5b1 }
}
"""


def page(found: CollectionStatistics, now: datetime) -> str:
    """Return the page."""
    totals = {
        "conversations": found.conversations,
        "people": found.people,
        "turns": found.turns,
        "words": found.words,
        "near duplicates": found.near_duplicates,
        "files": found.files,
        **{f"left out: {kind}": count for kind, count in found.left_out.items()},
    }
    sections = [
        _section("Added by week", _columns(found.added_by_week)),
        _section("Written by week, by the logs' own times", _columns(found.written_by_week)),
        *(
            _section(title, _bars(counts))
            for title, counts in (
                ("States", found.states),
                ("Sources", found.sources),
                ("Models", found.models),
                ("Languages", found.languages),
                ("Topics", found.topics),
                ("Flags", found.flags),
            )
        ),
        *(
            _section(f"Challenge of prompts: criteria met, by {agent}", _bars(counts))
            for agent, counts in found.challenge.items()
        ),
    ]
    figures = "".join(
        f"<div><dt>{_text(name)}</dt><dd>{count:,}</dd></div>" for name, count in totals.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Collection</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<style>{_STYLE}</style></head><body><h1>Collection</h1><p>{now:%Y-%m-%d %H:%M} UTC. Counted are the "
        f"conversations that are held or shared.</p><dl>{figures}</dl>{''.join(sections)}</body></html>\n"
    )


def _section(title: str, plot: str) -> str:
    return f"<section><h2>{_text(title)}</h2>{plot}</section>" if plot else ""


def _bars(counts: Mapping[str, int] | Mapping[int, int]) -> str:
    """Return horizontal bars, as many as fit; the rest is summed up in one."""
    rows = [(str(name), count) for name, count in counts.items()]
    if len(rows) > BARS:
        rows = [
            *rows[: BARS - 1],
            (f"({len(rows) - BARS + 1} more)", sum(count for _, count in rows[BARS - 1 :])),
        ]
    if not rows:
        return ""
    most = max(count for _, count in rows) or 1
    room = _WIDTH - _LABEL - 90
    drawn = "".join(
        f'<text x="{_LABEL - 8}" y="{index * _ROW + 15}" text-anchor="end">{_text(_short(name))}</text>'
        f'<rect x="{_LABEL}" y="{index * _ROW + 3}" width="{room * count / most:.1f}" height="{_ROW - 6}">'
        f"<title>{_text(name)}: {count:,}</title></rect>"
        f'<text x="{_LABEL + room * count / most + 6:.1f}" y="{index * _ROW + 15}">{count:,}</text>'
        for index, (name, count) in enumerate(rows)
    )
    height = len(rows) * _ROW
    return f'<svg role="img" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">{drawn}</svg>'


def _columns(weeks: Mapping[str, int]) -> str:
    """Return a column a week, the last ``WEEKS`` that have any."""
    rows = list(weeks.items())[-WEEKS:]
    if not rows:
        return ""
    most = max(count for _, count in rows)
    width = min(40.0, (_WIDTH - 20) / len(rows))
    drawn = "".join(
        f'<rect x="{10 + index * width:.1f}" y="{140 - 120 * count / most:.1f}" width="{width * 0.85:.1f}" '
        f'height="{120 * count / most:.1f}"><title>{_text(week)}: {count:,}</title></rect>'
        for index, (week, count) in enumerate(rows)
    )
    ends = f'<text x="10" y="158">{_text(rows[0][0])}</text>'
    if len(rows) > 1:
        ends += (
            f'<text x="{10 + len(rows) * width:.1f}" y="158" text-anchor="end">{_text(rows[-1][0])}</text>'
        )
    return (
        f'<svg role="img" width="{_WIDTH}" height="165" viewBox="0 0 {_WIDTH} 165">{drawn}{ends}'
        f'<text x="10" y="12">most in a week: {most:,}</text></svg>'
    )


def _short(name: str) -> str:
    return name if len(name) <= 34 else f"{name[:33]}…"


def _text(value: str) -> str:
    return escape(safe(value))
