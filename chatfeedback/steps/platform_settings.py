"""Keeps settings of datasets and projects as the configuration wants them, except what somebody changed there.

What the workbench wrote last is known by its hash: any other text on the platform is a person's, and is reported and
left until the lead takes a side. So is a text of which nobody recorded who wrote it, as before records were kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workspaces.records import Side
from workspaces.registry import PLATFORMS
from workspaces.store.platform_settings import (
    begin_writing,
    end_writing,
    hash_of,
    is_same,
    leave,
    own_hashes,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from workspaces.forms import Form
    from workspaces.platforms.base import Platform, Settings
    from workspaces.store import Store

SHOWN = 60
"""So many characters of what differs are shown."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A setting that somebody changed on the platform; ``there`` and ``ours`` begin where the two differ.

    ``left``: the lead left it to the platform. ``recorded``: what we wrote there is on record, so that this is not it.
    ``digest`` is the hash of what is there.
    """

    platform: str
    kind: str
    setting: str
    there: str
    ours: str
    left: bool = False
    recorded: bool = True
    digest: str = ""

    def __str__(self) -> str:
        where = f"{PLATFORMS[self.platform].title}, {self.kind}: {self.setting}"
        unsure = "" if self.recorded else " (an earlier version of ours, or somebody's: it was not recorded)"
        return f"{where}: there {self.there!r}, here {self.ours!r}{unsure}"


@dataclass(slots=True)
class Kept:
    """The settings that were written, and those that somebody else changed."""

    written: frozenset[str] = frozenset()
    drifts: list[Drift] = field(default_factory=list)


def keep_settings(
    store: Store, platform: Platform, form: Form, overlap: int | None = None, side: Side | None = None
) -> Kept | None:
    """Write what the form wants and what nobody else changed; without ``overlap`` the guidelines alone.

    Returns None where no dataset or project stands for the form.

    Args:
        store: knows what was written before.
        platform: where it stands.
        form: what is wanted.
        overlap: how many people answer a task.
        side: OURS overwrites what others changed, THEIRS leaves that to the platform from now on.
    """
    found = platform.settings(form, overlap)
    if found is None:
        return None
    with store.read() as connection:
        own = own_hashes(connection, platform.name, found.container_id)
    changed, differs = _changed(found, own), _differs(found)
    new = differs if side is Side.OURS else differs - changed
    if side is Side.THEIRS:
        with store.write() as connection:
            leave(connection, platform.name, found.container_id, changed)
    if new:
        with store.write() as connection:
            texts = {name: found.ours[name] for name in new}
            begin_writing(connection, platform.name, found.container_id, found.there, texts)
        platform.write_settings(form, overlap, new)
    stand = {name: text for name, text in found.ours.items() if name in new or name not in differs}
    known = {name for name, text in stand.items() if own.get(name) == frozenset({hash_of(text)})} - new
    left = {name for name, hashes in own.items() if not hashes} if side is not Side.OURS else set()
    if note := {name: text for name, text in stand.items() if name not in known | left}:
        with store.write() as connection:
            end_writing(connection, platform.name, found.container_id, note)
    return Kept(frozenset(new), [] if side else _drifts(platform, form, found, own, changed))


def drifts_of(store: Store, platform: Platform, form: Form, overlap: int | None) -> list[Drift]:
    """Return what others changed, also what is left to the platform; nothing is written."""
    found = platform.settings(form, overlap)
    if found is None:
        return []
    with store.read() as connection:
        own = own_hashes(connection, platform.name, found.container_id)
    return _drifts(platform, form, found, own, _changed(found, own), with_left=True)


def _differs(found: Settings) -> frozenset[str]:
    return frozenset(
        name for name, text in found.ours.items() if not is_same(found.there.get(name, text), text)
    )


def _changed(found: Settings, own: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the settings that are not what we want nor known to be what we wrote, and those left to the platform."""
    return frozenset(
        name for name in _differs(found) if hash_of(found.there[name]) not in own.get(name, frozenset())
    )


def _drifts(
    platform: Platform,
    form: Form,
    found: Settings,
    own: Mapping[str, frozenset[str]],
    changed: Collection[str],
    *,
    with_left: bool = False,
) -> list[Drift]:
    return [
        Drift(
            platform.name,
            form.kind,
            name,
            *_where_they_differ(found.there[name], found.ours[name]),
            left=name in own and not own[name],
            recorded=name in own,
            digest=hash_of(found.there[name]),
        )
        for name in sorted(changed)
        if own.get(name, True) or with_left
    ]


def _where_they_differ(there: str, ours: str) -> tuple[str, str]:
    """Return both texts from a little before the first difference, cut."""
    pairs = zip(there, ours, strict=False)
    same = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(there), len(ours)))
    start = max(same - 20, 0)
    return there[start : start + SHOWN], ours[start : start + SHOWN]
