"""``sync``: answers come from the platforms, once or for as long as it runs."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli.drifts import drift_lines
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, hint, note, progress, say
from workspaces.errors import ConfigurationError, ConnectionFailedError, UsageError, WorkbenchError, together
from workspaces.grammar import counted, word_for
from workspaces.registry import PLATFORMS
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from workspaces.sync import Synced


LOOK_AGAIN_SECONDS = 1.0
"""How often a faulty configuration is looked at."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(sync)


def sync(
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on until Ctrl-C: answers are settled as they come.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(
            min=1, help="With --watch: the pause between two readings of everything.", metavar="SECONDS"
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="With --watch: where events are received, on this machine."),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="With --watch: the URL at which platforms elsewhere reach that port."),
    ] = None,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Bring answers from the platforms into the store. Syncing twice changes nothing.

    What cannot be read is named, and all the rest is read; the command then exits with 4. With --watch it goes on: the
    platforms tell it of answers, which are fetched and settled at once.
    Example: **chatfeedback sync --watch**
    """
    if watch:
        if address is not None and not address.startswith(("http://", "https://")):
            raise UsageError(
                f"--address is a URL, such as https://lead.example/events (given: {address[:80]!r})"
            )
        _watch(workspace, port or 0, address, every, as_json=as_json)
        return
    for name, value in (("--every", every), ("--port", port), ("--address", address)):
        if value is not None:
            raise UsageError(f"{name} goes with --watch: chatfeedback sync --watch {name} {value}")
    with Workspace.open(workspace) as opened, progress("Reading answers") as advance:
        failed: list[WorkbenchError] = []
        drifts: list[steps.Drift] = []
        synced = steps.sync_answers(opened, advance=advance, failed=failed, drifts=drifts)
    if as_json:
        emit_json(synced)
    else:
        for name, counts in synced.items():
            for line in _synced(name, counts):
                say(line)
    for line in drift_lines(drifts):
        note(line)
    failures = _failures(synced)
    if failures:
        rest = ConnectionFailedError(f"{'; '.join(failures)}{_rest(synced, failures)}")
        raise type(together([*failed, rest]))(str(rest))
    if not as_json:
        hint("chatfeedback settle")


def _watch(
    workspace: WorkspacePath, port: int, address: str | None, every: float | None, *, as_json: bool
) -> None:
    """Follow the platforms until Ctrl-C; a changed configuration is read again."""
    settings = {} if every is None else {"every": every}
    last: list[str] = []
    watched: dict[str, steps.Way] = {}
    begun = False
    while True:
        if begun:
            _wait_until_sound(workspace)
        begun = True
        with (
            Workspace.open(workspace) as opened,
            closing(steps.watch(opened, port=port, address=address, **settings)) as rounds,
        ):
            for made in rounds:
                failures = [*_failures(made.synced), *made.failures]
                if as_json:
                    emit_json({"at": datetime.now().astimezone().isoformat(), **asdict(made)})
                else:
                    if made.watched != watched:
                        watched = made.watched
                        say(_watched(watched))
                    if line := _round(made):
                        say(f"{datetime.now().astimezone():%H:%M:%S} {line}")
                for line in drift_lines(made.drifts):
                    note(line)
                for failure in failures:
                    if failure not in last:
                        note(failure)
                last = failures


def _wait_until_sound(workspace: WorkspacePath) -> None:
    """Wait until a configuration that was changed can be read; what is wrong with it is said once."""
    said = ""
    while True:
        try:
            Workspace.open(workspace).close()
        except ConfigurationError as error:
            if str(error) != said:
                said = str(error)
                note(f"{said}; waiting until it is mended")
            time.sleep(LOOK_AGAIN_SECONDS)
        else:
            return


def _watched(watched: Mapping[str, steps.Way]) -> str:
    """Return how each platform is watched, in one line."""
    words = {
        steps.Way.EVENTS: "tells of answers",
        steps.Way.ASKED: "is asked for answers every second",
        steps.Way.POLLED: "is read every 30 seconds",
    }
    parts = [f"{PLATFORMS[name].title} {words[way]}" for name, way in watched.items()]
    return f"Watching: {'; '.join(parts) or 'no platform can be reached'}. Ctrl-C ends it"


def _round(made: steps.Round) -> str:
    """Return what came in a round, in one line; empty where nothing did."""
    parts = []
    for name, counts in made.synced.items():
        saved = ((counts.new, "new"), (counts.changed, "changed"), (counts.deleted, "deleted"))
        if some := [f"{count:,} {what}" for count, what in saved if count]:
            parts.append(f"{PLATFORMS[name].title}: {', '.join(some)}")
    settled = made.after.get("settled")
    if isinstance(settled, steps.Settled) and settled.corrections:
        taken = f", {settled.taken_back:,} taken back" if settled.taken_back else ""
        parts.append(
            f"{counted(settled.credited, 'point')} credited{taken}, in {counted(settled.wallets, 'wallet')}"
        )
    routed = made.after.get("routed")
    if isinstance(routed, steps.Moved) and (routed.given or routed.taken_back):
        back = f", {routed.taken_back:,} taken back" if routed.taken_back else ""
        parts.append(f"{counted(routed.given, 'task')} given{back}")
    if isinstance(routed, steps.Moved) and routed.rejected:
        parts.append(f"{counted(routed.rejected, 'task')} rejected: chatfeedback tasks list --state rejected")
    return f"{'; '.join(parts)} ({made.seconds:.1f} s)" if parts else ""


def _failures(synced: Mapping[str, Synced]) -> list[str]:
    return [
        f"{PLATFORMS[name].title}: {failure}"
        for name, counts in synced.items()
        for failure in counts.failures
    ]


def _synced(name: str, counts: Synced) -> Iterator[str]:
    """Yield what was read from a platform, and what waits for the lead."""
    saved = (
        (counts.new, "new"),
        (counts.changed, "changed"),
        (counts.deleted, "deleted"),
        (counts.unchanged, "known already"),
    )
    figures = ", ".join(f"{count:,} {what}" for count, what in saved)
    yield (
        f"{PLATFORMS[name].title}: {counted(counts.answers, 'answer')} in force; of what people saved there {figures}"
    )
    if counts.strangers:
        yield (
            f"  {counted(counts.held_answers, 'answer')} by {counted(counts.strangers, 'person')} who "
            f"{word_for(counts.strangers, 'was', 'were')} not invited: held, and in no figure until you decide: "
            "chatfeedback people review"
        )
    if counts.not_ours:
        yield (
            f"  {counted(counts.not_ours, 'answer')} to what 'chatfeedback push' did not place there (a record or task "
            "that somebody else made or copied, or an earlier copy): not read, and not paid"
        )
    if counts.lost:
        yield (
            f"  {counted(counts.lost, 'answer')} that {word_for(counts.lost, 'was', 'were')} read before "
            f"{word_for(counts.lost, 'is', 'are')} not there any more, because the server was restored from an older "
            "copy, or the account was deleted there: what was read stands and counts"
        )
    if counts.disputed:
        yield (
            f"  {counted(counts.disputed, 'answer')} {word_for(counts.disputed, 'is', 'are')} shown as somebody other "
            "than the author made it, or gone: what the author said stands until you decide: chatfeedback people review"
        )


def _rest(synced: Mapping[str, Synced], failures: Sequence[str]) -> str:
    """Return how many failures there were, if several, and whether anything was read."""
    more = f"{len(failures):,} failures; " if len(failures) > 1 else ""
    read = any(
        not each.failures or each.new or each.changed or each.deleted or each.unchanged
        for each in synced.values()
    )
    return f" ({more}{'all the rest was read' if read else 'nothing was read'})"
