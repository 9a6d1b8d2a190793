"""Licences of sources: which go together in one published data set, and what is said where they do not."""

from __future__ import annotations

import pytest

from exports.licences import LicenceConflictError, check_licences, licence_conflicts, licence_notes


@pytest.mark.parametrize(
    "licences",
    [
        [],
        ["unknown"],
        ["cc0-1.0", "mit", "apache-2.0", "odc-by", "CC-BY-4.0", "unknown"],
        ["cc-by-sa-4.0", "cc-by-4.0", "cc0-1.0"],
        ["CC BY-SA 4.0", "cc-by-sa-4.0"],
        ["cc-by-nc-4.0", "cc-by-4.0", "apache-2.0"],
        ["cc-by-nc-sa-4.0", "cc-by-nc-4.0"],
        ["Standard licence", "and so on"],
    ],
)
def test_what_goes_together_is_let_through(licences: list[str]) -> None:
    assert licence_conflicts(licences) == []
    check_licences(licences)


@pytest.mark.parametrize(
    ("licences", "said"),
    [
        (["cc-by-nd-4.0"], "cc-by-nd-4.0 allows no edited copies"),
        (["mit", "CC BY-NC-ND 4.0"], "CC BY-NC-ND 4.0 allows no edited copies"),
        (["LMSYS-Chat-1M Dataset License Agreement"], "does not allow to hand it on"),
        (["cc-by-sa-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0 and cc-by-sa-4.0 each want the whole"),
        (
            ["cc-by-sa-4.0", "cc-by-nc-4.0"],
            "cc-by-sa-4.0 allows commercial use of the whole, cc-by-nc-4.0 does not",
        ),
    ],
)
def test_what_does_not_is_refused_with_its_reason_and_a_way_out(licences: list[str], said: str) -> None:
    with pytest.raises(LicenceConflictError) as caught:
        check_licences(licences)
    assert said in str(caught.value)
    assert "--any-licence" in str(caught.value)
    assert any(said in note for note in licence_notes(dict.fromkeys(licences, 1)))


def test_what_is_unknown_or_limited_is_said() -> None:
    assert licence_notes({"mit": 3}) == []
    unknown, limited = licence_notes({"unknown": 2, "cc-by-nc-4.0": 1})
    assert unknown == "Rows whose source names no licence count as unknown: ask before you publish them."
    assert limited == "Not for commercial use: cc-by-nc-4.0."
