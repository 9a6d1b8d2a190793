"""Near duplicates: what resembles each other is found, whatever the order, and nothing else."""

from __future__ import annotations

import random
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.sample_records import NOW, chat
from workspaces.collection import Collection
from workspaces.collection.near_duplicates import index
from workspaces.collection.near_duplicates.signatures import BANDS, bands, jaccard, shingles
from workspaces.store import Store, near_duplicates
from workspaces.store.near_duplicates import near_duplicate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workspaces.records import Conversation

VOCABULARY = [f"word{number}" for number in range(3000)]
AT_ONCE = timedelta(0)


def reference(text: str) -> set[tuple[str, ...]]:
    """Return the shingles by their definition, for texts of lower-case words between spaces."""
    words = text.split()
    return {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))} if words else set()


def reference_jaccard(one: str, other: str) -> float:
    ones, others = reference(one), reference(other)
    return len(ones & others) / len(ones | others)


def prose(rng: random.Random, size: int) -> str:
    return " ".join(rng.choices(VOCABULARY, k=size))


def changed(rng: random.Random, text: str, count: int) -> str:
    words = text.split()
    for at in rng.sample(range(len(words)), count):
        words[at] = rng.choice(VOCABULARY)
    return " ".join(words)


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store("sqlite://")
    made.upgrade()
    yield made
    made.close()


def groups(store: Store) -> dict[str, str]:
    with store.read() as connection:
        return {row.conversation_id: row.group_id for row in connection.execute(sa.select(near_duplicate))}


def collected(folder: Path, portions: Sequence[Sequence[Conversation]]) -> dict[str, str]:
    made = Store("sqlite://")
    made.upgrade()
    collection = Collection(folder, made)
    for portion in portions:
        collection.append(portion, now=NOW, delay=AT_ONCE)
    found = groups(made)
    made.close()
    return found


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "dd", "ee"]), max_size=12).map(" ".join), max_size=6)
)
@examples(60)
def test_shingles_are_those_of_the_definition(texts: list[str]) -> None:
    found = shingles(texts)
    assert found.words.tolist() == [len(text.split()) for text in texts]
    hashed = [set(found.of(number).tolist()) for number in range(len(texts))]
    for one, ones in zip(texts, hashed, strict=True):
        assert len(ones) == len(reference(one))
        for other, others in zip(texts, hashed, strict=True):
            assert len(ones & others) == len(reference(one) & reference(other))


def test_upper_case_punctuation_and_block_borders_make_no_difference() -> None:
    long = "filler " * 250_000  # several blocks
    one = shingles([long, "It's late, isn't it?", long]).of(1)
    other = shingles(["it s LATE -- isn t (it)"]).of(0)
    assert one.tolist() == other.tolist()


def test_scripts_without_spaces_are_compared_by_character() -> None:
    found = shingles(["明日の天気を教えてください", "明日の天気を教えて下さい", "สวัสดีครับ"])
    assert found.words.tolist() == [13, 12, 7]
    assert 0.4 < jaccard(found.of(0), found.of(1)) < 0.9


def test_a_text_without_a_word_resembles_nothing() -> None:
    found = shingles(["", " \n?!", "word"])
    assert found.words.tolist() == [0, 0, 1]
    assert bands(found)[:2].any() == np.False_
    assert jaccard(found.of(0), found.of(1)) == 0.0


def test_a_portion_without_a_word_stops_no_later_one(tmp_path: Path, store: Store) -> None:
    collection = Collection(tmp_path / "collection", store)
    for number, text in enumerate(["?!", "Which walrus is it?", "...", "And which one is that?"]):
        collection.append([chat(f"chat-{number}", text, text)], now=NOW, delay=AT_ONCE)
    assert sum(len(np.fromfile(run / "keys", np.uint64)) for run in (tmp_path / "collection.index").iterdir())
    again = Collection(tmp_path / "collection", store)
    assert again.append([chat("chat-4", "Which walrus is it?!")], now=NOW, delay=AT_ONCE).added == 1


def test_nearly_all_near_duplicates_are_found_and_nothing_else(tmp_path: Path) -> None:
    """A labelled set: 400 originals, each with a copy of Jaccard .85 or more and one of .5 or less."""
    rng = random.Random(11)
    portions: list[list[Conversation]] = [[], []]
    alike: set[frozenset[str]] = set()
    similarities = []
    for number in range(400):
        size = rng.randint(30, 300)
        original = prose(rng, size)
        copy = original
        while (attempt := changed(rng, copy, 1)) and reference_jaccard(original, attempt) >= 0.85:
            copy = attempt  # as far from it as .85 allows
        similarities.append(reference_jaccard(original, copy))
        far = changed(rng, original, size // 4)
        assert reference_jaccard(original, far) <= 0.6
        for name, text in (("a", original), ("b", copy), ("far", far)):
            portions[rng.randrange(2)].append(chat(f"{number}-{name}", text))
        alike.add(frozenset((f"{number}-a", f"{number}-b")))
    assert 0.85 <= sum(similarities) / len(similarities) < 0.88
    by_group: dict[str, list[str]] = {}
    for name, group in collected(tmp_path / "collection", portions).items():
        by_group.setdefault(group, []).append(name)
    found = {
        frozenset((one, other))
        for names in by_group.values()
        for one in names
        for other in names
        if one < other
    }
    assert len(found & alike) / len(alike) >= 0.95
    assert len(found & alike) / len(found) >= 0.99


@pytest.mark.parametrize(("rows", "expected"), [(6, 0.0336), (5, 0.0043), (4, 0.00019)])
def test_as_many_pairs_share_no_band_as_the_formula_says(rows: int, expected: float) -> None:
    """Pairs whose Jaccard similarity is 52/64: the last 6 of 60 words differ."""
    draw = random.Random(1)
    texts = [[f"w{draw.randrange(100_000)}" for _ in range(66)] for _ in range(8000)]
    one, other = (shingles([" ".join(it[:54] + it[at : at + 6]) for it in texts]) for at in (54, 60))
    assert jaccard(one.of(0), other.of(0)) == 0.8125
    missed = (bands(one, rows) != bands(other, rows)).all(axis=1).mean()
    assert missed == pytest.approx(expected, rel=0.2, abs=0.0003)


def test_groups_do_not_depend_on_the_order_or_on_the_portions(tmp_path: Path) -> None:
    rng = random.Random(5)
    logs: list[Conversation] = []
    for number in range(30):
        text = prose(rng, 120)
        for step in range(rng.randint(1, 4)):  # chains: the ends hang together through the middle alone
            logs.append(chat(f"{rng.randrange(10**9)}-{number}-{step}", text))
            text = changed(rng, text, 3)
    expected = collected(tmp_path / "0", [logs])
    assert len(set(expected.values())) > 10
    for trial in range(1, 4):
        shuffled = random.Random(trial).sample(logs, len(logs))
        cut = len(logs) * trial // 4
        portions = [shuffled[:cut], shuffled[cut:], shuffled]
        assert collected(tmp_path / str(trial), portions) == expected
    assert all(group <= name for name, group in expected.items())


def test_an_index_that_is_lost_or_damaged_is_made_again(tmp_path: Path, store: Store) -> None:
    rng = random.Random(2)
    texts = [prose(rng, 80) for _ in range(5)]
    Collection(tmp_path / "collection", store).append(
        [chat(f"old {number}", text) for number, text in enumerate(texts)], now=NOW, delay=AT_ONCE
    )
    folder = tmp_path / "collection.index"
    for number, spoil in enumerate(("remove", "empty", "stray")):
        if spoil == "remove":
            shutil.rmtree(folder)
        elif spoil == "empty":
            next(folder.glob("*/keys")).write_bytes(b"")
        else:
            (folder / "new-run-stray").mkdir()
        again = chat(f"new {number}", texts[number] + " more")
        assert (
            Collection(tmp_path / "collection", store).append([again], now=NOW, delay=AT_ONCE).near_duplicates
            == 1
        )


def test_a_text_that_everybody_sends_is_still_one_group(tmp_path: Path) -> None:
    texts = ["hello there my friend", *(f"unrelated number {number} of its own kind" for number in range(3))]
    logs = [chat(f"{number}", texts[0], model=f"model {number}") for number in range(3 * index.MOST_PER_BAND)]
    logs += [chat(f"x{number}", text) for number, text in enumerate(texts[1:])]
    found = collected(tmp_path / "collection", [logs[::2], logs[1::2]])
    assert len(found) == 3 * index.MOST_PER_BAND
    assert set(found.values()) == {"0"}


def test_the_index_has_few_runs_and_keeps_every_band(tmp_path: Path, store: Store) -> None:
    collection = Collection(tmp_path / "collection", store)
    rng = random.Random(3)
    for number in range(40):
        collection.append([chat(f"{number}-{at}", prose(rng, 20)) for at in range(5)], now=NOW, delay=AT_ONCE)
    folders = list((tmp_path / "collection.index").iterdir())
    assert len(folders) <= 8
    keys = np.concatenate([np.fromfile(folder / "keys", np.uint64) for folder in folders])
    assert len(keys) == 200 * BANDS
    assert all(
        (np.diff(np.fromfile(folder / "keys", np.uint64).astype(object)) >= 0).all() for folder in folders
    )


def test_a_forgotten_conversation_leaves_its_group_and_its_name(tmp_path: Path, store: Store) -> None:
    with store.write() as connection:
        near_duplicates.join(connection, {("b", "c"), ("c", "d"), ("x", "y")})
        near_duplicates.join(connection, {("a", "d")})
    assert groups(store) == {"a": "a", "b": "a", "c": "a", "d": "a", "x": "x", "y": "x"}
    with store.write() as connection:
        near_duplicates.forget(connection, ["a", "x", "unknown"])
    assert groups(store) == {"b": "b", "c": "b", "d": "b"}


def test_compaction_changes_files_and_nothing_else(tmp_path: Path, store: Store) -> None:
    collection = Collection(tmp_path / "collection", store)
    rng = random.Random(4)
    texts = [prose(rng, 50) for _ in range(30)]
    for start in range(0, 30, 3):
        logs = [chat(f"c{number}", texts[number]) for number in range(start, start + 3)]
        collection.append(logs, now=NOW, delay=AT_ONCE)
    collection.share_due(NOW)
    (tmp_path / "collection" / "part-orphan.parquet").write_bytes(b"of a killed run")
    before = {found.id: found for found in collection.scan()}
    done = collection.compact(rows=20)
    assert (done.before, done.after) == (10, 2)
    assert {found.id: found for found in collection.scan()} == before
    assert len(list((tmp_path / "collection").iterdir())) == 2
    assert collection.compact(rows=20).dropped == 0
    assert collection.append([chat("again", texts[7] + " x")], now=NOW, delay=AT_ONCE).near_duplicates == 1
    assert groups(store) == {"again": "again", "c7": "again"}
