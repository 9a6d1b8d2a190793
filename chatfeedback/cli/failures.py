"""What commands that ask models say of requests without a usable reply: lists, sentences, and the error at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from chatfeedback.cli.output import emit_json, say
from workspaces.errors import RowsRejectedError
from workspaces.grammar import counted, word_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

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


def unanswered(count: int, noun: str, command: str) -> str:
    """Return a sentence about requests without an answer; ``noun`` is what each of them asks about or for."""
    return f"{counted(count, noun)} had no answer: the next 'chatfeedback {command}' asks again"


def hopeless(count: int, noun: str, command: str, *, setting: str = "llm") -> str:
    """Return a sentence about what a model is not asked about any more; ``setting`` names its model."""
    return (
        f"{counted(count, noun)} not asked about, because no reply was usable for so long: read 'chatfeedback "
        f"{command} --failed', and name another model in {setting}"
    )


def no_usable_reply(
    count: int, noun: str, command: str, faults: Mapping[str, int] | None = None
) -> RowsRejectedError:
    """Return the error of a run some of whose requests failed; ``faults`` counts these by what was wrong."""
    reasons = "" if not faults else f" ({', '.join(f'{n:,} x {fault}' for fault, n in faults.items())})"
    return RowsRejectedError(
        f"{counted(count, noun)} {word_for(count, 'has', 'have')} no usable reply{reasons}: read them with "
        f"'chatfeedback {command} --failed'; 'chatfeedback {command} --retry' asks again"
    )


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
