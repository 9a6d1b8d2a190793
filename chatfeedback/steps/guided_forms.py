"""The forms of a platform with their guidelines, which carry the leaderboard; and keeping these up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chatfeedback.guidelines import Board, Place, guidelines, shown_names
from chatfeedback.steps.assignments import routes
from chatfeedback.steps.platform_settings import drifts_of, keep_settings
from reward_engine.leaderboard import board, totals_of_people
from reward_engine.periods import Period, bounds
from workspaces.errors import ConfigurationError, WorkbenchError, together
from workspaces.forms import Form
from workspaces.kinds import asked_kinds, kind_of
from workspaces.registry import PLATFORMS
from workspaces.store.identities import all_people
from workspaces.store.people import latest_settings
from workspaces.store.promises import next_rules
from workspaces.store.standing import standing
from workspaces.store.tasks import placed_kinds, placed_overlaps
from workspaces.time_zones import time_zone
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chatfeedback.steps.platform_settings import Drift
    from workspaces.platforms.base import Platform
    from workspaces.workspace import Workspace

PLACES = 10
"""How many places of the leaderboard stand in the guidelines, and those that share the last one."""

MOST_SHOWN = 3 * PLACES
"""How many people at most: guidelines that are too long are refused by the platforms."""


def forms_on(
    workspace: Workspace, platform: Platform, shows_seed: Mapping[str, bool]
) -> dict[str, dict[int, Form]]:
    """Return the forms of installed kinds by the number of responses shown, with the guidelines of a platform.

    ``shows_seed`` says of each kind whether tasks of it show the seed feedback there.
    """
    config = workspace.config
    hides_answers = not platform.open_doors()
    leaders = board_now(workspace, utc_now())
    forms: dict[str, dict[int, Form]] = {}
    for kind in map(kind_of, filter(asked_kinds().__contains__, shows_seed)):
        may_show = any(mix.show_seed > 0 for mix in config.all_mixes().values()) and bool(kind.seeded)
        shows = shows_seed[kind.name] or may_show
        place = Place(
            PLATFORMS[platform.name].skip, shows, hides_answers, is_routed=routes(workspace, platform.name)
        )
        text = guidelines(kind, config, place, leaders)
        forms[kind.name] = {
            sized.responses: Form.of(sized, text, config.display) for sized in kind.forms.values()
        }
    return forms


def board_now(workspace: Workspace, now: datetime) -> Board | None:
    """Return the leaderboard that annotators read, without those who hide; None where the lead wants none."""
    chosen = workspace.config.people.leaderboard
    if chosen is None:
        return None
    period = Period(chosen)
    within = bounds(period, now, time_zone(workspace.config.rates.time_zone))
    with workspace.store.read() as connection:
        points, settings = totals_of_people(connection, within), latest_settings(connection)
        people = all_people(connection)
    names = shown_names({it: own.display_name for it, own in settings.items() if own.display_name}, people)
    places = [place for place in board(points, settings) if place.rank <= PLACES and place.points > 0]
    shown = places[:MOST_SHOWN]
    return Board(
        period,
        tuple((place.rank, names.get(place.person_id, ""), place.person_id, place.points) for place in shown),
        unnamed=len(places) - len(shown),
    )


def keep_boards(workspace: Workspace) -> Boards:
    """Bring the guidelines of what stands on the platforms up to date.

    Nothing is written where they say what they should. Rates that are not in force yet are promised by the next
    ``push``: until then guidelines stay as they are.

    Raises:
        WorkbenchError: platforms failed; those that did not are up to date.
    """
    failed: list[WorkbenchError] = []
    boards = Boards()
    for name in workspace.config.platforms.names():
        with workspace.store.read() as connection:
            is_used = bool(placed_kinds(connection, name))
        if is_used:
            try:
                with workspace.platform(name) as platform:
                    kept = keep_board_on(workspace, platform)
                boards.written += kept.written
                boards.drifts += kept.drifts
            except WorkbenchError as error:
                failed.append(error)
    if failed:
        raise together(failed)
    return boards


@dataclass(slots=True)
class Boards:
    """The forms whose guidelines were written, and the guidelines that somebody changed on the platform, which stay."""

    written: list[Form] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)


def keep_board_on(workspace: Workspace, platform: Platform) -> Boards:
    """Bring the guidelines of what stands on one platform up to date; see ``keep_boards``."""
    boards = Boards()
    with workspace.store.read() as connection:
        shows_seed = placed_kinds(connection, platform.name)
        try:
            is_in_force = next_rules(connection, workspace.config.rates, utc_now()) is None
        except ConfigurationError:  # changed without their version, as push will say
            is_in_force = False
    if not shows_seed or not is_in_force:
        return boards
    for sized in forms_on(workspace, platform, shows_seed).values():
        for form in sized.values():
            if (kept := keep_settings(workspace.store, platform, form)) is not None:
                boards.drifts += kept.drifts
                boards.written += [form] if kept.written else []
    return boards


def all_drifts(workspace: Workspace, platform: Platform) -> list[Drift]:
    """Return every setting that somebody changed on one platform, also those left to it; nothing is written."""
    with workspace.store.read() as connection:
        shows_seed = placed_kinds(connection, platform.name)
        overlaps = placed_overlaps(connection, platform.name, standing(connection).by_task())
    forms = forms_on(workspace, platform, shows_seed) if shows_seed else {}
    return [
        drift
        for kind, sized in forms.items()
        for size, form in sized.items()
        for drift in drifts_of(workspace.store, platform, form, overlaps.get((kind, size)))
    ]
