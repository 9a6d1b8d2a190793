"""``leaderboard``: who has earned most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from chatfeedback import steps
from chatfeedback.cli import listing
from chatfeedback.cli.listing import Everything, Limit
from chatfeedback.cli.output import HERE, AsJson, WorkspacePath, emit_json, say
from reward_engine.periods import Period, bounds
from workspaces.time_zones import time_zone
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from reward_engine.leaderboard import LeaderboardEntry

NEIGHBOURS = 2
"""Places shown before and after the place of the person."""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(leaderboard)


def leaderboard(
    limit: Limit = None,
    everything: Everything = False,
    period: Annotated[
        Period, typer.Option("--period", help="What counts: today, this week, this month, or everything.")
    ] = Period.ALL,
    person: Annotated[
        str | None,
        typer.Option("--around", help="Show this person's place and their neighbours.", metavar="PERSON"),
    ] = None,
    lead: Annotated[
        bool, typer.Option("--lead", help="For the lead: show the hidden too, and who is under review.")
    ] = False,
    workspace: WorkspacePath = HERE,
    as_json: AsJson = False,
) -> None:
    """Show who has earned most, by pseudonym or by the name they chose; ties share a rank.

    Days, weeks (from Monday) and months go by the time zone in the configuration's rates.
    Example: **chatfeedback leaderboard --period week --limit 10**
    """
    from reward_engine.leaderboard import around, board, levels_of, totals, totals_of_people
    from workspaces.store.flags import FlagStatus, flags
    from workspaces.store.people import latest_settings

    with Workspace.open(workspace) as opened:
        viewer = steps.find_person(opened, person) if person else None
        within = bounds(period, utc_now(), time_zone(opened.config.rates.time_zone))
        with opened.store.read() as connection:
            of = totals if lead else totals_of_people
            points, settings = of(connection, within), latest_settings(connection)
            flagged = {row.person_id for row in flags(connection, FlagStatus.OPEN)}
            ever = totals(connection)
        levels = levels_of(ever, opened.config.levels)
        places = board(points, settings, levels, viewer=viewer, lead=lead, flagged=flagged)
    shown = around(places, viewer, NEIGHBOURS) if viewer else places
    if as_json:
        plain = [_plain(place, lead=lead) for place in shown]
        emit_json({"period": period, **listing.as_json("leaderboard", plain, limit)})
        return
    if viewer and not shown:
        say(f"{viewer} has no points in this period yet")
        return
    columns = ["rank", "person", "name", "points", "level", *(["shown", "review"] if lead else [])]
    rows = [
        (
            place.rank,
            f"{place.person_id} <" if place.person_id == viewer else place.person_id,
            place.name,
            place.points,
            place.level,
            *(
                ("hidden" if place.hidden else "yes", "under review" if place.under_review else "")
                if lead
                else ()
            ),
        )
        for place in shown
    ]
    title = "Leaderboard" if period is Period.ALL else f"Leaderboard of this {period}"
    listing.long_table(
        title,
        columns,
        rows,
        ["rank", "points"],
        limit=limit,
        everything=everything,
        more=listing.ALL_OF_THEM,
    )
    hidden = "" if lead else " Who chose to be hidden, or was forgotten, is left out."
    say(f"Those with points in this period.{hidden} Everybody: chatfeedback people list")


def _plain(place: LeaderboardEntry, *, lead: bool) -> dict[str, object]:
    fields: dict[str, object] = {
        "rank": place.rank,
        "person_id": place.person_id,
        "name": place.name,
        "points": place.points,
        "level": place.level,
    }
    return fields | ({"hidden": place.hidden, "under_review": place.under_review} if lead else {})
