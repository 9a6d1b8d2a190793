"""Records, and searches of them, as Hypothesis draws them: few words and coarse numbers, so that they meet often."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from argilla_server.search_engine import (
    MetadataFilterScope,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
    TextQuery,
)
from hypothesis import strategies as st
from worlds import LABELS, RecordSpec, World, between, sorted_by

if TYPE_CHECKING:
    from argilla_server.search_engine import Filter, FilterScope, Order

Built = TypeVar("Built")
Build = Callable[[World], Built]
"""Makes a filter or an order for a world."""

WORDS = [
    "red",
    "Red",
    "reds",
    "rot",
    "fox",
    "foxes",
    "it's",
    "3.14",
    "snake_case",
    "東京",
    "ÉTÉ",
    "user",
    "assistant",
    "x",
]
words = st.sampled_from(WORDS)
texts = st.lists(words | st.sampled_from([",", "!!", "-", "😀"]), max_size=6).map(" ".join)
tags = st.sampled_from(["a", "B", "b c", "ä", "10", "9"])
# Few and coarse numbers meet their bounds often; 0.1 has no exact float, 16777217 none in 32 bits.
ratios = st.sampled_from([0.0, -0.0, 0.1, 0.5, -1.5, 1e-7, 16777217.0, 1.1, 3])
counts = st.sampled_from([-3, 0, 1, 2, 7, 2**31, 2**53 + 1])
bounds = ratios | counts | st.sampled_from(["0.1", "2", "1e0"])
scores = st.sampled_from([0.0, 0.1, 0.25, 0.7, 1.0])

label = st.sampled_from(LABELS)
topics = st.lists(label, min_size=1, max_size=3, unique=True)
answers = st.fixed_dictionaries(
    {"stars": st.integers(0, 4), "label": label, "topics": topics},
    optional={
        "comment": texts,
        "order": st.just([{"value": LABELS[0], "rank": 1}]),
    },
)
agents = st.none() | st.sampled_from(["gpt", "llama 3", "Claude"])
kinds = st.none() | st.sampled_from(["model", "human"])


def suggested(
    value: st.SearchStrategy[Any], score: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"value": value, "score": score, "agent": agents, "type": kinds})


suggestions = st.fixed_dictionaries(
    {},
    optional={
        "stars": suggested(st.integers(0, 10), st.none() | scores),
        "label": suggested(label, st.none() | scores),
        "topics": suggested(topics, st.none() | st.lists(scores, min_size=1, max_size=3)),
        "comment": suggested(texts, st.none() | scores),
    },
)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": texts}), max_size=3
)
records = st.builds(
    RecordSpec,
    fields=st.fixed_dictionaries(
        {},
        optional={
            "prompt": texts | st.none(),
            "chat": messages,
            "extra": st.dictionaries(words, texts | st.integers(0, 9), max_size=2),
            "picture": st.just("https://example.org/red.png"),
        },
    ),
    metadata=st.none()
    | st.fixed_dictionaries(
        {
            "tags": st.lists(tags, min_size=1, max_size=3) | tags | st.sampled_from([10, True, None]),
            "count": counts | st.none(),
            "ratio": ratios | st.none(),
        },
        optional={"undeclared": tags},
    ),
    responses=st.dictionaries(
        st.integers(0, 2),
        st.tuples(st.sampled_from(["draft", "submitted", "discarded"]), answers),
        max_size=3,
    ),
    suggestions=suggestions,
    vector=st.none() | st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any),
    status=st.sampled_from(["pending", "completed"]),
)


# Enough of them to tell two orders apart.
some_records = st.lists(records, min_size=4, max_size=8)


@st.composite
def filters(draw: st.DrawFn) -> Build[Filter]:
    """One filter: a function of the world, because a scope names a user."""
    user = draw(st.none() | st.integers(0, 2))
    statuses = st.lists(
        st.sampled_from(["pending", "draft", "submitted", "discarded", "unknown"]),
        min_size=1,
        max_size=3,
        unique=True,
    )
    choice = draw(st.integers(0, 9))
    if choice == 0:
        values = draw(statuses)
        return lambda world: TermsFilter(_response_scope(world, user, property="status"), list(values))
    if choice <= 2:
        question = draw(st.sampled_from(["stars", "label", "topics", "comment"]))
        condition = draw(_conditions(question))
        return lambda world: condition(_response_scope(world, user, question=question))
    if choice <= 5:
        question = draw(st.sampled_from(["stars", "label", "topics", "comment"]))
        property_ = draw(st.sampled_from(["value", "score", "agent", "type"]))
        condition = draw(_conditions(question if property_ == "value" else property_))
        return lambda world: condition(SuggestionFilterScope(question=question, property=property_))
    if choice <= 8:
        name = draw(st.sampled_from(["tags", "count", "ratio"]))
        condition = draw(_conditions(name))
        return lambda world: condition(MetadataFilterScope(metadata_property=name))
    property_ = draw(st.sampled_from(["status", "id"]))
    if property_ == "status":
        values = draw(st.lists(st.sampled_from(["pending", "completed", "x"]), min_size=1, max_size=2))
        return lambda world: TermsFilter(RecordFilterScope(property="status"), values)
    places = draw(st.lists(st.integers(0, 20), min_size=1, max_size=3))
    return lambda world: TermsFilter(
        RecordFilterScope(property="id"),
        [str(world.records[p].id) if p < len(world.records) else "nobody" for p in places],
    )


def _response_scope(world: World, user: int | None, **scope: str) -> ResponseFilterScope:
    return ResponseFilterScope(
        user=None if user is None else world.users[user],
        question=scope.get("question"),
        property=scope.get("property"),
    )


def _conditions(what: str) -> st.SearchStrategy[Callable[[FilterScope], Filter]]:
    strings: st.SearchStrategy[Any] = {
        "tags": tags | st.just("true"),
        "agent": agents.filter(bool),
        "type": kinds.filter(bool),
    }.get(what, label)
    numbers: st.SearchStrategy[Any] = {"ratio": ratios, "score": scores, "count": counts}.get(
        what, st.integers(0, 10)
    )
    if what in {"tags", "agent", "type", "label", "topics", "comment"}:
        terms, limits = strings, strings
    else:
        terms, limits = numbers.map(str), bounds | numbers
    some = st.lists(terms, min_size=1, max_size=3).map(
        lambda values: lambda scope: TermsFilter(scope, list(values))
    )
    limit = st.none() | limits
    ranges = (
        st.tuples(limit, limit)
        .filter(any_given)
        .map(lambda pair: lambda scope: between(scope, ge=pair[0], le=pair[1]))
    )
    return some | ranges


def any_given(pair: tuple[object, object]) -> bool:
    return pair[0] is not None or pair[1] is not None


@st.composite
def orders(draw: st.DrawFn) -> Build[Order]:
    order = draw(st.sampled_from(["asc", "desc"]))
    choice = draw(st.integers(0, 3))
    if choice == 0:
        user = draw(st.none() | st.integers(0, 2))
        return lambda world: sorted_by(_response_scope(world, user, question="stars"), order)
    if choice == 1:
        question, property_ = (
            draw(st.sampled_from(["stars", "label", "topics"])),
            draw(st.sampled_from(["value", "score", "agent", "type"])),
        )
        return lambda world: sorted_by(SuggestionFilterScope(question=question, property=property_), order)
    if choice == 2:
        name = draw(st.sampled_from(["tags", "count", "ratio"]))
        return lambda world: sorted_by(MetadataFilterScope(metadata_property=name), order)
    property_ = draw(st.sampled_from(["inserted_at", "updated_at", "status", "id", "external_id"]))
    return lambda world: sorted_by(RecordFilterScope(property=property_), order)


operands = st.one_of(
    words,
    words,
    words.map(lambda word: f"{word[:2]}*"),
    words.map(lambda word: f"{word}~"),
    words.map(lambda word: f"{word}~1"),
    st.lists(words, min_size=1, max_size=3).map(lambda some: '"' + " ".join(some) + '"'),
    st.tuples(st.lists(words, min_size=2, max_size=3), st.integers(0, 120)).map(
        lambda p: f'"{" ".join(p[0])}"~{p[1]}'
    ),
    words.map(lambda word: f"-{word}"),
    st.sampled_from(["!!", "red-fox", "\\-red", "*"]),
)
well_formed = st.recursive(
    operands,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(" ".join)
        | st.lists(inner, min_size=2, max_size=3).map(" | ".join)
        | inner.map(lambda query: f"({query})")
        | inner.map(lambda query: f"-({query})")
    ),
    max_leaves=5,
)
garbage = st.lists(st.sampled_from([*WORDS, *'"()|+-~*\\', " ", "  ", '"red fox"', "~2"]), max_size=10).map(
    "".join
)
queries = st.builds(
    TextQuery,
    q=well_formed | garbage,
    field=st.none() | st.sampled_from(["prompt", "chat", "extra", "picture"]),
)
