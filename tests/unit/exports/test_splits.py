"""Splits: groups that must not be torn apart, and the share of the test split."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exports.context import squeeze
from exports.order import spread
from exports.splits import SplitItem, assign_splits, digest_of, normalised_opening, splits_of_openings


def item(name: str, opening: str, *conversations: str) -> SplitItem:
    return SplitItem(name, conversations or (name,), (("system", "s"), ("user", opening)))


def test_the_share_of_groups_in_the_test_split_is_near_what_was_asked_for() -> None:
    splits = assign_splits([item(f"i{i}", f"question {i}") for i in range(4000)], 0.1)
    assert 330 < list(splits.values()).count("test") < 470


def test_the_assignment_is_fixed_for_all_time() -> None:
    splits = assign_splits([item(f"i{i}", f"question {i}") for i in range(40)], 0.2)
    assert sorted(name for name, split in splits.items() if split == "test") == (
        ["i10", "i13", "i16", "i24", "i28", "i30", "i31", "i33", "i36", "i38", "i7"]
    )


def test_a_later_release_moves_no_group_and_a_larger_share_only_adds() -> None:
    items = [item(f"i{i}", f"question {i}") for i in range(500)]
    few, all_ = assign_splits(items[:50], 0.1), assign_splits(items, 0.1)
    assert few == {name: all_[name] for name in few}
    more = assign_splits(items, 0.3)
    assert {name for name in all_ if all_[name] == "test"} < {name for name in more if more[name] == "test"}


def test_conversations_and_openings_link_rows_into_one_group() -> None:
    for number in range(50):
        chain = [
            item("a", f"first {number}", "c1", "c2"),
            item("b", f"second {number}", "c2"),
            item("c", f"  SECOND, {number}!", "c3"),
        ]
        assert len(set(assign_splits(chain, 0.5).values())) == 1


def test_near_duplicates_are_in_one_split_though_their_openings_differ() -> None:
    for number in range(50):
        near = [
            replace(item("a", f"first {number}", "c1"), near_duplicates=("c1",)),
            replace(item("b", f"second {number}", "c2"), near_duplicates=("c1",)),
        ]
        assert len(set(assign_splits(near, 0.5).values())) == 1


def test_near_copies_that_come_later_neither_move_a_group_nor_enlarge_the_test_split() -> None:
    first = [replace(item(f"i{n}", f"question {n}"), near_duplicates=(f"g{n}",)) for n in range(500)]
    copies = [replace(item(f"c{n}", f"question {n} again"), near_duplicates=(f"g{n}",)) for n in range(500)]
    digests = [digest_of(normalised_opening(it.prompt)) for it in (*first, *copies)]
    asked = {digest: order for order, digest in enumerate(digests)}
    before, after = (assign_splits(some, 0.1, first_asked=asked) for some in (first, [*first, *copies]))
    assert before == assign_splits(first, 0.1) == {name: after[name] for name in before}
    linked = [*zip(digests, (it.near_duplicates[0] for it in (*first, *copies)), strict=True)]
    assert splits_of_openings(digests, 0.1, linked, asked) == [*after.values()]


def test_a_share_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"test_share is 1\.5"):
        assign_splits([], 1.5)
    with pytest.raises(ValueError, match=r"test_share is -0\.5"):
        splits_of_openings([], -0.5, [])


@pytest.mark.parametrize(
    ("one", "other"),
    [("What's up?", "what s  up"), ("Ｈｅｌｌｏ", "hello"), ("a\u00a0b", "A b."), ("??", " ?? ")],
)
def test_near_identical_openings_are_equal(one: str, other: str) -> None:
    assert normalised_opening((("user", one),)) == normalised_opening((("user", other),))


def test_marks_that_make_another_word_are_kept() -> None:
    assert normalised_opening((("user", "किताब"),)) != normalised_opening((("user", "कतब"),))


@given(st.text(st.characters(max_codepoint=127) | st.sampled_from("\x1c\x85\u00a0éİßﬁ한ि"), max_size=30))
@example("\x1f ?!\x1c??\x0b")
@example(" Why, on 3 WEEKS'\tnotice?\n")
def test_plain_openings_are_normalised_as_all_are(text: str) -> None:
    folded = unicodedata.normalize("NFKC", text).casefold()
    marks = (char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in folded)
    assert normalised_opening((("user", text),)) == (squeeze("".join(marks)) or squeeze(folded))


def test_rows_of_one_prompt_are_apart_wherever_they_can_be() -> None:
    prompts = {f"a{i}": "big" for i in range(50)} | {f"b{i}": f"small {i // 2}" for i in range(49)}
    order = spread(prompts)
    assert sorted(order) == sorted(prompts)
    assert all(prompts[one] != prompts[two] for one, two in pairwise(order))
    assert spread(dict(reversed(prompts.items()))) == order


def test_rows_of_a_single_prompt_stay_together() -> None:
    assert sorted(spread({"a": "p", "b": "p"})) == ["a", "b"]
    assert spread({}) == []
