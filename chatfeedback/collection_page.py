"""The collection's statistics as one self-contained HTML page: tables with bars, and inline SVG for time series."""

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
LABEL = 80
"""The most characters of a name: names come from chat logs and may be long."""

_WIDTH, _HEIGHT = 760, 120

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem }
dt { color: #52606d } dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums }
figure { margin: 0 } svg { max-width: 100%; height: auto } figcaption { color: #52606d; font-size: .9rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th { font-weight: normal; text-align: right; width: 33%; padding: .1rem .6rem .1rem 0; overflow-wrap: anywhere }
td { padding: .1rem 0 } td div { display: flex; align-items: center; gap: .4rem }
i { background: #2b6cb0; height: 1rem; min-width: 1px } rect { fill: #2b6cb0 }
td span { font-variant-numeric: tabular-nums }
@media (prefers-color-scheme: dark) {
  body { background: #16191d; color: #e4e7eb } i { background: #63b3ed } rect { fill: #63b3ed }
  dt, figcaption { color: #9aa5b1 }
}
"""


def page(statistics: CollectionStatistics, now: datetime) -> str:
    """Return the page as HTML; ``now`` is printed as its date."""
    totals = {
        "conversations": statistics.conversations,
        "givers": statistics.givers,
        "turns": statistics.turns,
        "words": statistics.words,
        "near duplicates": statistics.near_duplicates,
        "files": statistics.files,
        **{
            f"generated responses of {model}, in no other count": count
            for model, count in statistics.generated.items()
        },
        **{f"left out: {kind}": count for kind, count in statistics.left_out.items()},
    }
    sections = [
        _section("Added by week", _columns(statistics.added_by_week)),
        _section("Written by week, by the logs' own times", _columns(statistics.written_by_week)),
        *(
            _section(title, _bars(counts))
            for title, counts in (
                ("States", statistics.states),
                ("Sources", statistics.sources),
                ("Models", statistics.models),
                ("Languages", statistics.languages),
                ("Topics", statistics.topics),
                ("Flags", statistics.all_flags),
            )
        ),
        *(
            _section(f"Challenge of prompts: criteria met, by {agent}", _bars(counts))
            for agent, counts in statistics.challenge.items()
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
    """Return a table with a bar in each of at most ``BARS`` rows; the last row sums up the rest."""
    rows = [(str(name), count) for name, count in counts.items()]
    if len(rows) > BARS:
        rows = [
            *rows[: BARS - 1],
            (f"({len(rows) - BARS + 1} more)", sum(count for _, count in rows[BARS - 1 :])),
        ]
    if not rows:
        return ""
    most = max(count for _, count in rows) or 1
    drawn = "".join(
        f'<tr><th scope="row">{_text(_short(name))}</th><td><div><i style="width:{80 * count / most:.1f}%"></i>'
        f"<span>{count:,}</span></div></td></tr>"
        for name, count in rows
    )
    return f"<table>{drawn}</table>"


def _columns(weeks: Mapping[str, int]) -> str:
    """Return a column for each of the last ``WEEKS`` weeks with a count, and a caption with their time span."""
    rows = list(weeks.items())[-WEEKS:]
    if not rows:
        return ""
    most = max(count for _, count in rows)
    width = min(40.0, _WIDTH / len(rows))
    drawn = "".join(
        f'<rect x="{index * width:.1f}" y="{_HEIGHT * (1 - count / most):.1f}" width="{width * 0.85:.1f}" '
        f'height="{_HEIGHT * count / most:.1f}"><title>{_text(week)}: {count:,}</title></rect>'
        for index, (week, count) in enumerate(rows)
    )
    span = rows[0][0] if len(rows) == 1 else f"{rows[0][0]} to {rows[-1][0]}"
    caption = f"{_text(span)}: at most {most:,} in a week, {sum(count for _, count in rows):,} in all"
    return (
        f'<figure><svg role="img" aria-label="{caption}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}">{drawn}</svg><figcaption>{caption}</figcaption></figure>'
    )


def _short(name: str) -> str:
    return name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"


def _text(value: str) -> str:
    return escape(safe(value))
