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

from workspaces.workspace import Workspace

RUNS = 5


def processor_seconds(*arguments: str) -> float:
    """Return the processor time of a Python process and what it starts, in seconds: the median of ``RUNS``."""
    taken = []
    for _ in range(RUNS + 1):  # the first one may have to compile
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken[1:])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Workspace.create(Path(folder)) as workspace:
        person = workspace.pseudonyms.on_platform("argilla")("ada@example.org")
        place = ("--workspace", folder)
        commands = {
            "python -c pass": ("-c", "pass"),
            "import sqlalchemy": ("-c", "import sqlalchemy"),
            "--help": ("-m", "chatfeedback", "--help"),
            "status": ("-m", "chatfeedback", "status", *place),
            "leaderboard": ("-m", "chatfeedback", "leaderboard", *place),
            "wallet": ("-m", "chatfeedback", "wallet", person, *place),
        }
        empty = processor_seconds("-c", "pass")
        for name, arguments in commands.items():
            seconds = processor_seconds(*arguments)
            print(f"{name:<18} {seconds:.3f} s of processor, {seconds / empty:.0f} times an empty program")


if __name__ == "__main__":
    main()
