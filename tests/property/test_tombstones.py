"""Ids that are hashed many at once are hashed as each alone: notes and receipts of both ways meet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes

from workspaces.privacy.tombstones import Tombstones

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(st.sets(ANY_TEXT), st.binary(min_size=1, max_size=80))
def test_many_ids_are_hashed_as_each_alone(names: set[str], key: bytes) -> None:
    tombstones = Tombstones(SecretBytes(key))
    found = tombstones.hashes_of_ids(names)
    assert found == {tombstones.hash_of_id(name) for name in names}
    assert len(found) == len(names)
