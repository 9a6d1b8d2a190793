"""Shows what ``ingest --check`` found, and ends as ``ingest`` would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatfeedback.cli.output import emit_json, say, table
from chatfeedback.safe_text import safe
from workspaces.errors import RowsRejectedError
from workspaces.grammar import counted, noun_for, word_for

if TYPE_CHECKING:
    from collections import Counter

    from task_generators.chat_logs import Checked

TOP = 8


def show_check(source: str, checked: Checked, *, delay_hours: float, as_json: bool) -> None:
    """Print what was found.

    Args:
        source: its address.
        checked: what was found.
        delay_hours: how long a conversation is held before it is shared; 0: it is shared at once.
        as_json: as one JSON object.

    Raises:
        UsageError: no reader knows a row.
        RowsRejectedError: rows would be rejected.
    """
    if as_json:
        emit_json(_as_object(checked, delay_hours))
    else:
        _show(Path(source).name, checked, delay_hours)
    if checked.format is None:
        from task_generators.chat_logs import Source, unknown_format

        first = next((omitted.examples[0]["reason"] for omitted in checked.omitted.values()), "")
        raise unknown_format(Source(source), str(first))
    if rejected := checked.rows("rejected"):
        raise RowsRejectedError(
            f"{counted(rejected, 'row')} would be rejected; nothing was read into the collection"
        )


def _as_object(checked: Checked, delay_hours: float) -> dict[str, Any]:
    return {
        "format": checked.format,
        "why": checked.why,
        "read": checked.read,
        "conversations": checked.conversations,
        "rejected": checked.rows("rejected"),
        "cleaned": checked.rows("cleaned"),
        "merged": checked.merged,
        "columns": checked.columns,
        "roles": dict(checked.roles),
        "models": dict(checked.models),
        "languages": dict(checked.languages),
        "times": {"with_time": checked.with_time, "earliest": checked.earliest, "latest": checked.latest},
        "givers": checked.givers,
        "telling_ids": checked.telling_ids,
        "feedback": dict(checked.feedback),
        "omitted": [
            {"kind": kind, "reason": reason, "count": omitted.count, "examples": omitted.examples}
            for (kind, reason), omitted in checked.omitted.items()
        ],
        "losses": [
            {"kind": kind, "what": what, "count": lost.count, "examples": lost.examples}
            for (kind, what), lost in checked.losses.counts.items()
        ],
        "advice": _advice(checked, delay_hours),
    }


def _show(name: str, checked: Checked, delay_hours: float) -> None:
    say(
        f"{safe(name)}: {checked.format or 'of no known format'}, because {safe(checked.why)}. "
        f"{counted(checked.read, 'row')}: {counted(checked.conversations, 'conversation')}, "
        f"{checked.rows('rejected'):,} rejected, {checked.rows('cleaned'):,} cleaned away, "
        f"{checked.merged:,} part of another row's conversation"
    )
    table("Columns", ["column", "goes to"], [(safe(each), safe(to)) for each, to in checked.columns.items()])
    times = f"{checked.earliest} to {checked.latest}" if checked.with_time else "none"
    found = [
        ("roles", _most(checked.roles)),
        ("times", f"{checked.with_time:,} with a time: {times}"),
        ("models", _most(checked.models)),
        ("languages named", _most(checked.languages)),
        ("with a giver", f"{checked.givers:,}"),
        ("with an id that holds a person's or an e-mail address", f"{checked.telling_ids:,}"),
        ("feedback", _most(checked.feedback)),
    ]
    table("Found", ["what", "how many"], found)
    lost = [
        (kind, safe(reason), omitted.count, "; ".join(_place(example) for example in omitted.examples))
        for (kind, reason), omitted in checked.omitted.items()
    ]
    lost += [
        (kind, safe(what), counted.count, "; ".join(safe(example) for example in counted.examples))
        for (kind, what), counted in checked.losses.counts.items()
    ]
    if lost:
        table("Not kept", ["kind", "reason or column", "count", "examples"], lost, numeric=["count"])
    for each in _advice(checked, delay_hours):
        say(f"To do: {safe(each)}")


def _advice(checked: Checked, delay_hours: float) -> list[str]:
    """Return what to configure or to say, most pressing first; that is held only where there is a delay."""
    timeless = checked.conversations - checked.with_time
    if not timeless or not delay_hours:
        return checked.advice()
    held = (
        f"{counted(timeless, 'conversation')} {word_for(timeless, 'has', 'have')} no time and would be held for "
        f"{delay_hours:g} {noun_for(round(delay_hours), 'hour')} from now on (consent.delay_hours); if the givers "
        "agreed: ingest --publish"
    )
    return [*checked.advice(), held]


def _most(counted: Counter[str]) -> str:
    shown = [f"{safe(name)} ({count:,})" for name, count in counted.most_common(TOP)]
    more = len(counted) - TOP
    return (", ".join(shown) or "none") + (f" and {more:,} more" if more > 0 else "")


def _place(example: dict[str, str | int]) -> str:
    file = f"{example['file']}, " if "file" in example else ""
    return safe(f"{file}line {example['line']}: {example['reason']}")
