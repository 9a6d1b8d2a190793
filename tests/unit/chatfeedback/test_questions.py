"""A question of yes or no takes both in any case, and is asked again after anything else."""

from __future__ import annotations

import pytest
import typer

from chatfeedback.cli.questions import yes_or_no


@pytest.mark.parametrize(
    ("typed", "default", "answer"),
    [
        (["y"], False, True),
        (["YES"], False, True),
        (["Yes."], False, True),
        ([" no "], True, False),
        (["N"], True, False),
        ([""], True, True),
        ([""], False, False),
        (["maybe", "1", "yes please", "y"], False, True),
        (["yesterday", "n"], True, False),
    ],
)
def test_yes_and_no_are_understood_and_all_else_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: list[str],
    default: bool,
    answer: bool,
) -> None:
    waiting = list(typed)
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: waiting.pop(0))
    assert yes_or_no("Really?", default=default) is answer
    assert not waiting
    assert capsys.readouterr().err.count("y (yes) or n (no)") == len(typed) - 1
