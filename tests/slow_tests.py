"""Which tests ``just fast`` leaves out beside those that are marked: the slowest ones, listed in ``slow_tests.txt``.

``just slow`` times all tests of the fast loop and writes the list: one line for each test function, all its
parameters together. Of the rest a machine has some ``SHARE`` of the work. What is not listed yet counts as quick.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

LIST = Path(__file__).with_suffix(".txt")
OPTION = "--write-slow-tests"
SHARE = 0.11
"""Of the time of all tests, what those that are not listed may take."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help=f"time the tests and write {LIST.name}")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption(OPTION) and not hasattr(
        config, "workerinput"
    ):  # of xdist, the process that hears of all
        config.pluginmanager.register(Timer())


@pytest.hookimpl(tryfirst=True)  # before -m is heeded
def pytest_collection_modifyitems(items: list[pytest.Item], config: pytest.Config) -> None:
    if config.getoption(OPTION):
        return
    listed = set(LIST.read_text(encoding="utf-8").splitlines())
    for item in items:
        if function_of(item.nodeid) in listed:
            item.add_marker(pytest.mark.slow)


class Timer:
    """Adds up the seconds of each test function; at the end it writes the list."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._tests: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        function = function_of(report.nodeid)
        self._seconds[function] += report.duration
        self._tests[function].add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        left = SHARE * sum(self._seconds.values())
        slow = []
        for function in sorted(self._seconds, key=self._mean):
            left -= self._seconds[function]
            if left < 0:
                slow.append(function)
        LIST.write_text("".join(f"{function}\n" for function in sorted(slow)), encoding="utf-8")

    def _mean(self, function: str) -> float:
        return self._seconds[function] / len(self._tests[function])


def function_of(test: str) -> str:
    """Return the address of a test without its parameters."""
    return test.partition("[")[0]
