"""Reading ahead changes neither the items nor where an error is raised, and reads no more than one item ahead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from workspaces.read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_items_come_in_order_and_an_error_where_its_item_would_have_come() -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise OSError("the file ends early")

    ahead = read_ahead(items())
    assert [next(ahead) for _ in range(5)] == list(range(5))
    with pytest.raises(OSError, match="ends early"):
        next(ahead)
    assert list(read_ahead(iter([]))) == []


def test_who_stops_early_leaves_no_thread_and_one_item_unread() -> None:
    before = threading.active_count()
    source = iter(range(100))
    ahead = read_ahead(source)
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert next(source) == 3
