"""Licences of sources: which go together in one published data set, and what is said where they do not."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.licence_names import identified
from exports.licence_terms import EVERY_WHOLE, TABLE, terms_of
from exports.licences import LicenceConflictError, check_licences, licence_conflicts, licence_notes

NON_COMMERCIAL = [
    "cc-by-nc-4.0",
    "CC BY-NC 3.0",
    "https://creativecommons.org/licenses/by-nc/4.0/",
    "Creative Commons Attribution-NonCommercial 4.0 International",
    "CC-BY-4.0 (prompts), CC-BY-NC-4.0 (answers)",
    "Non-commercial research licence",
    "Attribution, non-commercial",
]
COPYLEFT = [
    "GPL-3.0",
    "gpl-3.0-or-later",
    "GPLv2",
    "GNU General Public License v3.0",
    "AGPL-3.0-only",
    "LGPL-2.1",
    "cc-by-sa-4.0",
    "CC BY-SA 3.0",
    "ODbL-1.0",
    "CDLA-Sharing-1.0",
    "GFDL-1.3",
]
RESTRICTED = ["OpenAI terms of use", "Llama 3 Community License", "llama3.1", "gemma", "openrail"]


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
        ["cc-by-sa-3.0", "cc-by-sa-4.0"],
        ["cc-by-sa-4.0", "GPL-3.0"],
        ["GPL-2.0-or-later", "GPL-3.0-only", "LGPL-2.1", "AGPL-3.0"],
        ["MIT OR GPL-2.0", "cc-by-nc-4.0"],
        ["GPL-3.0", "apache-2.0", "mit"],
        ["cc-by-nc-4.0", "Llama 3 Community License", "openai"],
        ["Standard licence", "and so on"],
    ],
)
def test_what_goes_together_is_let_through(licences: list[str]) -> None:
    for order in permutations(licences[:4]):
        assert licence_conflicts(order) == []
    check_licences(licences)


@pytest.mark.parametrize("limited", NON_COMMERCIAL)
@pytest.mark.parametrize("copyleft", COPYLEFT)
def test_copyleft_of_any_family_does_not_go_with_non_commercial(copyleft: str, limited: str) -> None:
    with pytest.raises(LicenceConflictError) as caught:
        check_licences({limited, copyleft, "mit", "unknown"})
    assert f"{copyleft} allows commercial use of the whole, {limited} does not" in str(caught.value)


@pytest.mark.parametrize("restricted", RESTRICTED)
@pytest.mark.parametrize("copyleft", COPYLEFT)
def test_copyleft_of_any_family_does_not_go_with_a_provider_s_terms(copyleft: str, restricted: str) -> None:
    assert licence_conflicts([restricted]) == []
    assert licence_conflicts({copyleft, restricted})
    assert any(note.startswith(f"{restricted}: ") for note in licence_notes({restricted: 1}))


@pytest.mark.parametrize(
    ("licences", "said"),
    [
        (["cc-by-nd-4.0"], "cc-by-nd-4.0 allows no edited copies"),
        (["mit", "CC BY-NC-ND 4.0"], "CC BY-NC-ND 4.0 allows no edited copies"),
        (["https://creativecommons.org/licenses/by-nd/3.0/"], "by-nd/3.0/ allows no edited copies"),
        (["LMSYS-Chat-1M Dataset License Agreement"], "does not allow to hand it on"),
        (["mit", "All rights reserved"], "All rights reserved does not allow to hand it on"),
        (["cc-by-sa-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0 and cc-by-sa-4.0 each want the whole"),
        (["cc-by-nc-sa-4.0", "GPL-3.0"], "GPL-3.0 and cc-by-nc-sa-4.0 each want the whole"),
        (["cc-by-sa-3.0", "GPL-3.0"], "GPL-3.0 and cc-by-sa-3.0 each want the whole"),
        (["cc-by-sa-4.0", "GPL-2.0"], "GPL-2.0 and cc-by-sa-4.0 each want the whole"),
        (["GPL-2.0-only", "GPL-3.0-only"], "each want the whole"),
        (["GPL-2.0-only", "apache-2.0"], "each want the whole"),
        (["odbl", "cc-by-sa-4.0"], "cc-by-sa-4.0 and odbl each want the whole"),
        (["GPL-3.0 AND CC-BY-NC-4.0"], "want the whole of GPL-3.0 AND CC-BY-NC-4.0 under different licences"),
        (["cc-by-sa-3.0", "cc-by-sa-4.0", "GPL-3.0"], "GPL-3.0 and cc-by-sa-3.0 each want the whole"),
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


def test_every_conflict_is_in_the_list() -> None:
    with pytest.raises(LicenceConflictError) as caught:
        check_licences(["GPL-3.0", "cc-by-nc-4.0", "cc-by-nc-2.0", "odbl", "cc-by-nd-4.0"])
    said = str(caught.value)
    for one in ("GPL-3.0", "odbl"):
        for other in ("cc-by-nc-4.0", "cc-by-nc-2.0"):
            assert f"{one} allows commercial use of the whole, {other} does not" in said
    assert "GPL-3.0 and odbl each want the whole under themselves" in said
    assert "cc-by-nd-4.0 allows no edited copies" in said


@given(st.sets(st.sampled_from([*NON_COMMERCIAL, *COPYLEFT, *RESTRICTED, "mit", "unknown", "strange terms"])))
def test_a_conflict_stays_when_licences_are_added_and_never_depends_on_their_order(
    licences: set[str],
) -> None:
    given = sorted(licences)
    found = licence_conflicts(given)
    assert found == licence_conflicts(given[::-1])
    common = frozenset.intersection(EVERY_WHOLE, *(terms_of(name).wholes for name in given))
    assert bool(found) == (not common)
    if found:
        assert licence_conflicts([*given, "cc0-1.0", "AGPL-3.0"])


@pytest.mark.parametrize("name", ["example licence", "disclaimer only", "terms of a limited company"])
def test_a_name_that_only_contains_the_letters_of_a_known_one_is_not_known(name: str) -> None:
    assert not terms_of(name).known


def test_every_name_in_the_table_is_known_and_gives_a_whole() -> None:
    for _, terms in TABLE:
        assert terms.known
        assert terms.wholes


def test_what_is_unknown_or_limited_is_said() -> None:
    assert licence_notes({"mit": 3}) == []
    unknown, limited = licence_notes({"unknown": 2, "cc-by-nc-4.0": 1})
    assert unknown == "Rows whose source names no licence count as unknown: ask before you publish them."
    assert limited == "Not for commercial use: cc-by-nc-4.0."
    (strange,) = licence_notes({"Standard licence": 1})
    assert strange == "Not known to the check of licences, read them first: Standard licence."
    (alike,) = licence_notes({"cc-by-sa-4.0": 1, "mit": 1})
    assert alike == "The whole has to be published under the terms of: cc-by-sa-4.0."


@pytest.mark.parametrize(
    ("identifier", "written"),
    [
        ("CC-BY-4.0", "cc-by-4.0|CC BY 4.0|CC_BY_4.0|https://creativecommons.org/licenses/by/4.0/"),
        ("CC-BY-4.0", "Creative Commons Attribution 4.0 International|ccby-4.0"),
        ("CC-BY-NC-SA-3.0", "Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported License"),
        ("CC0-1.0", "cc0|CC0 1.0 Universal|http://creativecommons.org/publicdomain/zero/1.0/deed.en"),
        ("Apache-2.0", "apache-2|Apache 2.0|Apache License, Version 2.0"),
        ("MIT", "mit|The MIT Licence"),
        ("ODC-By-1.0", "odc-by"),
        ("GPL-3.0-or-later", "GPLv3+"),
        ("unknown", "Unknown"),
    ],
)
def test_a_licence_is_known_however_it_is_written(identifier: str, written: str) -> None:
    assert {identified(name) for name in written.split("|")} == {identifier}
    assert identified(identifier) == identifier
    assert {terms_of(name) for name in written.split("|")} == {terms_of(identifier)}


@pytest.mark.parametrize(
    "name",
    [
        "cc-by",
        "CC BY 5.0",
        "GPL-3.0",
        "GPLv3",
        "apache",
        "MIT OR Apache-2.0",
        "mit, cc0",
        "public domain",
        "",
        " ",
    ],
)
def test_what_may_mean_several_licences_stays_as_it_is_written(name: str) -> None:
    assert identified(name) == name
