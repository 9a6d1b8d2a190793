"""Groups of three to five responses to one prompt: each response in one, none twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from task_generators.candidates import candidates
from task_generators.groups import dealt_groups
from tests.sample_records import seeds_of, siblings


@given(st.integers(0, 200), st.integers(2, 6), st.integers(0, 4))
def test_groups_hold_as_many_as_can_be_and_are_of_nearly_equal_size(
    number: int, fewest: int, more: int
) -> None:
    most = fewest + more
    groups = list(dealt_groups(number, fewest, most))
    sizes = [len(group) for group in groups]
    places = [place for group in groups for place in group]
    assert places == list(range(len(places)))
    assert all(fewest <= size <= most for size in sizes)
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    possible = any(count * fewest <= number <= count * most for count in range(1, number + 1))
    assert (len(places) == number) == (possible or number == 0)


def test_every_response_to_a_prompt_is_in_one_ranking() -> None:
    tree = siblings("t", "why?", *(f"answer {number}" for number in range(11)), "answer 1", " ", "answer 2\n")
    found = list(candidates(["ranking"], [tree], seeds_of([tree])))
    shown = [message_id for each in found for message_id in each.message_ids]
    assert sorted(len(each.message_ids) for each in found) == [3, 4, 4]
    assert len(shown) == len(set(shown)) == 11
    assert list(candidates(["ranking"], [siblings("t", "why?", "one", "two")], {})) == []


def test_the_same_responses_are_the_same_task_in_whatever_order_they_come() -> None:
    tree = siblings("t", "why?", "one", "two", "three", "four")
    logs = [
        siblings(f"log {number}", "why?", text) for number, text in enumerate(("one", "two", "three", "four"))
    ]
    first = {each.id for each in candidates(["ranking"], logs, seeds_of(logs))}
    second = {each.id for each in candidates(["ranking"], logs[::-1], seeds_of(logs))}
    assert first == second
    assert len(first) == 1
    assert first == {each.id for each in candidates(["ranking"], [tree], seeds_of([tree]))}
