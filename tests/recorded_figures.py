"""A pytest plugin: figures that a test records and never asserts, such as how long something took, end the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.terminal import TerminalReporter

    Record: TypeAlias = Callable[[str, float], None]


@pytest.fixture
def record_figure(request: pytest.FixtureRequest) -> Record:
    """Record a figure of a test under a name."""

    def record(name: str, figure: float) -> None:
        request.node.user_properties.append((name, figure))

    return record


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say what was recorded, also by other processes."""
    for report in terminalreporter.getreports("passed"):
        for name, figure in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name}: {figure}")
