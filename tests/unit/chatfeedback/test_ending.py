"""The end of a command: quick, and nothing that has to happen at the end is left out."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from chatfeedback import ending
ending.come_last()
import atexit, threading, time
def late():
    time.sleep(0.2)
    print("thread")
atexit.register(lambda: print("at the end"))
threading.Thread(target=late).start()
class Left:
    def __del__(self):
        print("taken apart")
left = Left()
print("done")
"""


def run(end: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + end], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("code", [0, 5])
def test_threads_and_what_was_registered_come_first_and_modules_are_not_taken_apart(code: int) -> None:
    ran = run(f"ending.leave({code})")
    assert (ran.returncode, ran.stderr) == (code, "")
    assert ran.stdout.split("\n") == ["done", "thread", "at the end", ""]


def test_an_error_that_nobody_foresaw_is_shown_by_python() -> None:
    ran = run("raise ValueError('so it is')")
    assert ran.returncode == 1
    assert "ValueError: so it is" in ran.stderr


def test_output_that_cannot_be_written_is_no_success() -> None:
    ran = run("sys.stdout = open('/dev/full', 'w')\nprint('lost')\nending.leave(0)")
    assert ran.returncode != 0
    assert "No space left" in ran.stderr
