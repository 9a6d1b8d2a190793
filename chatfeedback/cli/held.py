"""What a command says of the conversations that are held back: until when, and what shares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workspaces.grammar import word_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from workspaces.store.conversations import Hold

REMEDY = "if their givers agreed: chatfeedback consent publish --all"


def held_until(hold: Hold) -> str:
    """Return when held conversations become shared, such as ``until 27 Nov 00:57 UTC``."""
    if hold.first is None or hold.last is None:
        return ""
    first, last = _moment(hold.first), _moment(hold.last)
    return f"until {last} UTC" + (f" (the first until {first})" if first != last else "")


def held_sentences(hold: Hold) -> Iterator[str]:
    """Yield what is held, until when, and what to do; nothing if nothing is."""
    if not hold.count:
        return
    yield f"{hold.count:,} held {held_until(hold)}; {REMEDY}"
    yield from longer_held(hold)


def longer_held(hold: Hold) -> Iterator[str]:
    """Yield what became of a delay that was shortened, if it concerns anything that is held."""
    if hold.longer:
        yield (
            f"{hold.longer:,} of them {word_for(hold.longer, 'was', 'were')} read with a longer consent.delay_hours "
            f"than today's, and {word_for(hold.longer, 'keeps', 'keep')} it: a new "
            "delay counts for what is read from now on"
        )


def held_object(hold: Hold) -> dict[str, Any]:
    """Return the same for ``--json``."""
    remedy = {"remedy": REMEDY} if hold.count else {}
    return {
        "count": hold.count,
        "first": hold.first,
        "last": hold.last,
        "longer_delay": hold.longer,
        **remedy,
    }


def _moment(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %H:%M}"
