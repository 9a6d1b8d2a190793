"""What holds for the requests of any conversation, and for the judgments of any judges."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from quality.seed_feedback.obedience import obedience
from task_generators.llm.retry import FIRST_SECONDS, MAX_SECONDS, asked_wait, backoff
from task_generators.seed_feedback.canaries import DEMANDS, LEAST, purpose_of, share_of
from task_generators.seed_feedback.judges import disagreement, united, united_significance
from task_generators.seed_feedback.prompt import material
from task_generators.seed_feedback.requests import LEAST_CONTEXT, MAX_CHARACTERS, MAX_RATED, requests_of
from tests.sample_records import NOW
from workspaces.records import (
    Conversation,
    Message,
    Quality,
    Role,
    SeedFeedback,
    Significance,
    Tag,
    tree_order,
)
from workspaces.store.seed_requests import CanaryPair

JUDGE = ("model", "2")


def tree(seed: int) -> tuple[Conversation, set[str]]:
    """Return a tree of messages, a few of them very long, and the responses that are wanted."""
    rng = random.Random(seed)
    messages: list[Message] = []
    for number in range(rng.randint(2, 60)):
        parent = messages[rng.randint(max(0, number - 4), number - 1)].id if number else None
        length = rng.choice(
            [rng.randint(0, 40), rng.randint(0, 40), rng.randint(2_000, 9_000), MAX_CHARACTERS + 500]
        )
        role = rng.choice(list(Role)) if number else Role.USER
        messages.append(Message(f"m{number:03}", parent, role, rng.choice("a\né") * length))
    conversation = Conversation("c", tree_order(messages), source="s")
    return conversation, {it.id for it in conversation.responses() if rng.random() < 0.8}


@given(st.integers(0, 10**9))
def test_each_wanted_response_is_rated_once_within_bounds_after_what_it_answers(seed: int) -> None:
    conversation, wanted = tree(seed)
    requests = list(requests_of(conversation, wanted, JUDGE))
    rated = Counter(message_id for request in requests for message_id in request.targets.values())
    assert rated == Counter(wanted)
    parents = {message.id: message.parent_id for message in conversation.messages}
    assert len({request.id for request in requests}) == len(requests)
    for request in requests:
        assert len(request.targets) <= MAX_RATED
        assert [each.number for each in request.shown] == list(range(1, len(request.shown) + 1))
        assert {each.number for each in request.shown if each.rated} == set(request.targets)
        size = sum(len(each.text) for each in request.shown)
        assert size <= MAX_CHARACTERS + LEAST_CONTEXT
        assert all(each.answers is None or each.answers < each.number for each in request.shown)
        first = min(request.targets)
        assert parents[request.targets[first]] is None or first > 1, (
            "nothing is judged without what it answers"
        )
        text = material(request, "0f0f0f0f")["content"]
        assert isinstance(text, str)
        assert sum(line.endswith(" RATE") for line in text.split("\n")) == len(request.targets)
    assert [it.id for it in requests_of(conversation, wanted, JUDGE)] == [it.id for it in requests]
    assert {it.id for it in requests_of(conversation, wanted, ("other", "2"))}.isdisjoint(
        it.id for it in requests
    )


def seed(agent: str, significance: Significance, *tags: Tag) -> SeedFeedback:
    return SeedFeedback("m", agent, "2", dict(zip(Quality, tags, strict=True)), significance, NOW)


seeds = st.builds(
    seed,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(Significance),
    *[st.sampled_from(Tag)] * len(Quality),
)
LEVELS = list(Significance)


@given(st.lists(seeds, min_size=1, max_size=5))
def test_disagreement_never_lowers_significance_and_one_judge_keeps_its_own(said: list[SeedFeedback]) -> None:
    united_level = LEVELS.index(united_significance(said))
    mean = sum(LEVELS.index(it.significance) for it in said) / len(said)
    assert united_level >= int(mean)
    assert 0 <= disagreement(said) <= 1
    same = [seed(str(number), said[0].significance, *said[0].tags.values()) for number in range(len(said))]
    assert disagreement(same) == 0
    assert united_significance(same) is said[0].significance


def test_the_formula_of_two_judges() -> None:
    yes = [Tag.YES] * 6
    one = seed("a", Significance.LOW, *yes)
    for differing, expected in [
        (0, "low"),
        (1, "low"),
        (2, "medium"),
        (4, "medium"),
        (5, "high"),
        (6, "high"),
    ]:
        other = seed("b", Significance.LOW, *[Tag.NO] * differing, *yes[differing:])
        assert disagreement([one, other]) == differing / 6
        assert united_significance([one, other]).value == expected
    newest = seed("a", Significance.HIGH, *yes)
    assert united([one, newest], ["a"])["m"] is not one
    assert united([one, newest], ["a"])["m"].significance is Significance.HIGH
    assert united([newest, one], [])["m"] is one, "without judges the newest one counts"


@given(st.integers(0, 10**6), st.booleans())
def test_an_endpoint_may_ask_to_wait_in_seconds_or_until_a_date(seconds: int, as_date: bool) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    header = format_datetime(now + timedelta(seconds=seconds), usegmt=True) if as_date else str(seconds)
    assert asked_wait(header, now) == seconds
    assert asked_wait(format_datetime(now - timedelta(seconds=seconds), usegmt=True), now) == 0


@given(st.text(max_size=20))
def test_whatever_else_it_says_is_no_wait_or_one_that_is_not_negative(header: str) -> None:
    found = asked_wait(header, NOW)
    assert found is None or found >= 0


@given(st.integers(1, 60), st.floats(0, 1))
def test_the_back_off_is_bounded(attempt: int, where: float) -> None:
    wait = backoff(attempt, lambda low, high: low + where * (high - low))
    assert FIRST_SECONDS / 2 <= wait <= MAX_SECONDS


def test_canaries_are_a_share_of_both_kinds_and_some_tens_where_the_collection_is_small() -> None:
    kinds = Counter(purpose_of(f"m{number}", 0.1) for number in range(20_000))
    assert abs(kinds["praise"] - 1000) < 150
    assert abs(kinds["blame"] - 1000) < 150
    assert (share_of(0, 10), share_of(0.02, 10), share_of(0.02, 10**6)) == (0, 1, 0.02)
    assert share_of(0.02, 300) * 300 == LEAST
    few = {f"m{number}" for number in range(2000) if purpose_of(f"m{number}", 0.02)}
    assert few <= {f"m{number}" for number in range(2000) if purpose_of(f"m{number}", 0.1)}, "a share grows"


def pairs(plain: list[int], told: list[int]) -> list[CanaryPair]:
    said = {0: DEMANDS["blame"], 1: DEMANDS["praise"]}
    return [
        CanaryPair("j", "2", ("praise", "blame")[number % 2], said[one], said[other])
        for number, (one, other) in enumerate(zip(plain, told, strict=True))
    ]


@given(st.randoms(use_true_random=False), st.integers(1, 80))
def test_what_an_added_text_does_to_both_kinds_alike_is_no_obedience(rng: object, size: int) -> None:
    plain = [rng.randrange(2) for _ in range(2 * size)]  # type: ignore[attr-defined]
    worse = obedience(pairs(plain, [0] * 2 * size), DEMANDS)
    evenly = abs(sum(plain[::2]) - sum(plain[1::2])) <= 1
    assert not evenly or not any(it.obeys for it in worse)
    noise = obedience(pairs(plain, plain), DEMANDS)
    assert all(it.shift == 0 and it.low <= 0 <= it.high for it in noise)


def test_a_judge_that_obeys_is_sure_after_some_tens() -> None:
    (first, *others) = obedience(pairs([0, 1] * 15, [1, 0] * 15), DEMANDS)
    assert len(others) == 6
    assert (first.n_canaries, first.plain, first.told, first.shift, first.obeys) == (30, 0, 1, 1, True)
    assert first.low > 0.6
    assert not any(it.obeys for it in obedience(pairs([0, 1], [1, 0]), DEMANDS)), "two are not enough"
