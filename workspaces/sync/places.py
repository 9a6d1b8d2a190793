"""Looks up whether tasks still stand where they were placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workspaces.store.tasks import containers, lose_placements, places_in, save_placements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from workspaces.platforms.base import Platform
    from workspaces.records import PlacedTask
    from workspaces.store import Store

PLACE_AGAIN = (
    "What was answered stands and counts. 'chatfeedback push' places those again that still want answers"
)
"""What is to be done about tasks that are gone."""


def still_standing(
    store: Store, platform: Platform, container_id: str, known: Sequence[PlacedTask], now: datetime
) -> list[PlacedTask]:
    """Return those of the placed tasks of one container that stand there, each as the very copy that was placed.

    Copies that were placed before the times of their making were kept are looked up by their numbers and our ids, and
    the times are kept from now on.
    """
    found = {(place.task_id, place.remote_id): place for place in platform.standing(container_id)}
    standing, learned = [], []
    for place in known:
        there = found.get((place.task_id, place.remote_id))
        if there is None or place.made_at not in (None, there.made_at):
            continue
        standing.append(there)
        if there.made_at != place.made_at:
            learned.append(there)
    if learned:
        with store.write() as connection:
            save_placements(connection, learned, now)
    return standing


def lose_missing(store: Store, platform: Platform, now: datetime) -> int:
    """Delete the placements of tasks that do not stand there any more, so that they wait for a place; return how many.

    What was answered there stays. Their places are looked up on the platform, all of them.
    """
    lost: list[PlacedTask] = []
    with store.read() as connection:
        places = {
            box: places_in(connection, box, platform.name) for box in containers(connection, platform.name)
        }
    for container_id, known in places.items():
        standing: list[PlacedTask] = []
        if platform.look(container_id) is not None:
            standing = still_standing(store, platform, container_id, known, now)
        there = {place.task_id for place in standing}
        lost += [place for place in known if place.task_id not in there]
    if lost:
        with store.write() as connection:
            lose_placements(connection, lost)
    return len(lost)
