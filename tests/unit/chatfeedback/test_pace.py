"""The pace of a push is told as tasks a second and the time that is left."""

from __future__ import annotations

import pytest

from chatfeedback.steps.pace import Pace


@pytest.mark.parametrize(
    ("done", "seconds", "line"),
    [
        (0, 5.0, ""),
        (10, 0.0, ""),
        (200, 2.0, "200 of 1,000, 100 a second, about 8 s left"),
        (3, 10.0, "3 of 1,000, 0.3 a second, about 55 minutes left"),
        (1000, 10.0, "1,000 of 1,000, 100 a second"),
    ],
)
def test_the_rate_and_what_is_left_are_said_once_they_are_known(done: int, seconds: float, line: str) -> None:
    assert Pace(1000, 100.0).line(done, 100.0 + seconds) == line
