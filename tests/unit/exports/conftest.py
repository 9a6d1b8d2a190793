"""A rubric that every test of exports can ask about: each open workspace has its own, and these tests open none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.exports.export_records import CRITERIA, RUBRIC
from workspaces.kinds import asking, rubric_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True, scope="session")
def _rubric() -> Iterator[None]:
    with asking(rubric_kinds({RUBRIC: CRITERIA})):
        yield
