"""The lists of requests to models that failed: the fault of each, what it was about, and the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from chatfeedback.cli.output import emit_json, say
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

EXCERPT = 300
"""Characters of a reply in the list; ``--json`` shows all that is kept."""

ListFailed = Annotated[
    bool, typer.Option("--failed", help="List what failed, with the replies, and ask nothing.")
]
Retry = Annotated[bool, typer.Option("--retry", help="Ask again for what failed, too.")]


class FailedRequest(Protocol):
    """What every stored request to a model tells."""

    @property
    def agent(self) -> str:
        """The model."""
        ...

    @property
    def state(self) -> str:
        """Whether it was refused, or its reply unusable."""
        ...

    @property
    def fault(self) -> str | None:
        """What was wrong."""
        ...

    @property
    def reply(self) -> str | None:
        """The beginning of the unusable reply."""
        ...

    def as_json(self) -> dict[str, object]:
        """Return it as plain values."""
        ...


Row = TypeVar("Row", bound=FailedRequest)


def list_failed(
    rows: Sequence[Row],
    about: Callable[[Row], str],
    command: str,
    asked: Collection[str],
    *,
    as_json: bool,
) -> None:
    """Print requests that failed.

    Args:
        rows: the requests.
        about: names what a request is about, such as "conversation c1".
        command: what asks again with ``--retry``, such as "seed".
        asked: the models that it asks; requests to others stay as they are.
        as_json: print all that is kept as JSON.
    """
    if as_json:
        emit_json([row.as_json() for row in rows])
        return
    for row in rows:
        say(f"{row.agent}: {row.state}: {row.fault or ''}")
        say(f"  {about(row)}")
        if row.reply:
            cut = row.reply[:EXCERPT]
            say("  " + " ".join(cut.split()) + (" ..." if len(row.reply) > EXCERPT else ""))
    again = sum(row.agent in asked for row in rows)
    said = [f"{counted(len(rows), 'request')} failed"]
    if again:
        said.append(f"'chatfeedback {command} --retry' asks again")
    if others := len(rows) - again:
        about_others = f"{counted(others, 'request')} to models that chatfeedback.yaml names no more"
        said.append(f"{about_others} {word_for(others, 'is', 'are')} not sent again")
    say("; ".join(said))
