"""Groups of near-duplicate conversations.

The smallest id in a group is the name of the group, so the groups do not depend on the order of ingestion. Only
conversations with a near duplicate have a row.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from workspaces.chunks import in_chunks
from workspaces.store.insert import upsert
from workspaces.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

near_duplicate = sa.Table(
    "near_duplicate",
    metadata,
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column(
        "group_id", sa.Text, nullable=False, index=True, comment="the smallest id of those that hang together"
    ),
)


def join(connection: sa.Connection, pairs: Collection[tuple[str, str]]) -> None:
    """Put the conversations of each pair into one group, and merge the groups that they were in."""
    if not pairs:
        return
    named = {name for pair in pairs for name in pair}
    groups = groups_of(connection, named)
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while (parent := parents.get(name, name)) != name:
            parents[name] = name = parents.get(parent, parent)
        return name

    for first, second in [*pairs, *groups.items()]:
        smaller, larger = sorted((root(first), root(second)))
        if smaller != larger:
            parents[larger] = smaller
    for old in set(groups.values()):
        if root(old) != old:
            connection.execute(
                sa.update(near_duplicate).where(near_duplicate.c.group_id == old).values(group_id=root(old))
            )
    rows = [{"conversation_id": name, "group_id": root(name)} for name in sorted(named)]
    upsert(connection, near_duplicate, rows, ["group_id"])


def groups_of(connection: sa.Connection, conversation_ids: Iterable[str]) -> dict[str, str]:
    """Return the groups of these conversations, by id; those without a near duplicate are missing."""
    groups: dict[str, str] = {}
    for ids in in_chunks(conversation_ids):
        query = sa.select(near_duplicate.c.conversation_id, near_duplicate.c.group_id).where(
            near_duplicate.c.conversation_id.in_(ids)
        )
        groups.update((name, group) for name, group in connection.execute(query))
    return groups


def alike(connection: sa.Connection, conversation_id: str) -> list[str]:
    """Return the other conversations in the group of this one, ordered by id; empty without a near duplicate."""
    group = groups_of(connection, [conversation_id]).get(conversation_id)
    query = sa.select(near_duplicate.c.conversation_id).where(
        near_duplicate.c.group_id == group, near_duplicate.c.conversation_id != conversation_id
    )
    return sorted(connection.execute(query).scalars())


def all_groups(connection: sa.Connection) -> dict[str, str]:
    """Return the group of every conversation that has a near duplicate, by id."""
    query = sa.select(near_duplicate.c.conversation_id, near_duplicate.c.group_id)
    return {row.conversation_id: row.group_id for row in connection.execute(query)}


def together_with(connection: sa.Connection, conversation_ids: Collection[str]) -> list[str]:
    """Return the other members of the groups of these conversations."""
    names = set(conversation_ids)
    groups = sorted(set(groups_of(connection, names).values()))
    members: set[str] = set()
    for some_groups in in_chunks(groups):
        query = sa.select(near_duplicate.c.conversation_id).where(near_duplicate.c.group_id.in_(some_groups))
        members.update(connection.execute(query).scalars())
    return sorted(members - names)


def forget(connection: sa.Connection, conversation_ids: Iterable[str]) -> None:
    """Take conversations out of their groups; a group that was named after one of them gets its next smallest id.

    A group with a single remaining member is deleted. Members that were linked only through a removed conversation stay
    in one group.
    """
    groups = groups_of(connection, conversation_ids)
    if not groups:
        return
    remaining: dict[str, list[str]] = defaultdict(list)
    for group in sorted(set(groups.values())):
        query = sa.select(near_duplicate.c.conversation_id).where(near_duplicate.c.group_id == group)
        members = [name for name in connection.execute(query).scalars() if name not in groups]
        remaining[group] = sorted(members)
    for name in groups:
        connection.execute(sa.delete(near_duplicate).where(near_duplicate.c.conversation_id == name))
    for group, members in remaining.items():
        rows = near_duplicate.c.group_id == group
        if len(members) < 2:
            connection.execute(sa.delete(near_duplicate).where(rows))
        elif members[0] != group:
            connection.execute(sa.update(near_duplicate).where(rows).values(group_id=members[0]))


def count(connection: sa.Connection) -> tuple[int, int]:
    """Return the number of conversations that have a near duplicate, and the number of groups."""
    query = sa.select(sa.func.count(), sa.func.count(sa.distinct(near_duplicate.c.group_id)))
    members, groups = connection.execute(query).one()
    return members, groups
