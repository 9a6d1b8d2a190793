"""How much processor does a command take that only says something? Medians of five, beside an empty Python program.

Run: python -m bench.startup
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNS = 5


def medians(commands: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the processor time of Python processes, with what they start, in seconds: the median of ``RUNS``.

    The commands take turns, so that other work on the machine meets all of them alike.
    """
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for run in range(RUNS + 1):
        for name, arguments in commands.items():
            seconds = _processor_seconds(arguments)
            if run:  # the first one may have to compile
                taken[name].append(seconds)
    return {name: statistics.median(each) for name, each in taken.items()}


def _processor_seconds(arguments: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder)) as workspace:
        person = workspace.pseudonyms.on_platform("argilla")("ada@example.org")
        words = {
            "status": ("status",),
            "wallet": ("wallet", person),
            "leaderboard": ("leaderboard",),
            "budget": ("budget",),
            "people list": ("people", "list"),
            "tasks list": ("tasks", "list"),
        }
        commands = {
            "python -c pass": ("-c", "pass"),
            "import sqlalchemy": ("-c", "import sqlalchemy"),
            "--help": ("-m", "chatfeedback", "--help"),
            **{name: ("-m", "chatfeedback", *each, "--workspace", folder) for name, each in words.items()},
        }
        taken = medians(commands)
    for name, seconds in taken.items():
        times = seconds / taken["python -c pass"]
        print(f"{name:<18} {seconds:.3f} s of processor, {times:.0f} times an empty program")


if __name__ == "__main__":
    main()
