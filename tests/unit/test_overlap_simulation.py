"""Adaptive overlap on simulated people: as many right answers as five of each, for fewer; the audit slice is fair."""

from __future__ import annotations

from dataclasses import replace

from bench.overlap import FIXED, SETTINGS, runs
from quality.closing import Wanted


def test_adaptive_overlap_is_as_right_as_five_answers_to_each_with_three_tenths_fewer() -> None:
    (found,) = runs(replace(SETTINGS[0], items=500), 1, 9, Wanted(FIXED))
    assert found["adaptive"] >= found["fixed"] - 0.01  # one draw of 500: a standard error of .01
    assert found["answers"] <= 0.7
    assert found["inside"]
