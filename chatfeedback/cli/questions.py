"""A question to be answered by yes or no."""

from __future__ import annotations

import typer

from chatfeedback.cli.output import note

ANSWERS = {"y": True, "ye": True, "yes": True, "n": False, "no": False}


def yes_or_no(question: str, *, default: bool) -> bool:
    """Ask on the terminal until the answer is yes or no, in any case; Enter takes the default.

    Raises:
        Abort: nobody answers (Ctrl-C, Ctrl-D).
    """
    asked = f"{question} [{'Y/n' if default else 'y/N'}]"
    while True:
        typed = (
            str(typer.prompt(asked, default="", show_default=False, err=True)).strip().strip(".!").casefold()
        )
        if not typed:
            return default
        if typed in ANSWERS:
            return ANSWERS[typed]
        note("Please answer y (yes) or n (no).")
