"""What a file and a card say of their columns is what ``datasets`` itself would write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from datasets import DatasetInfo, Features, Json, List, SplitDict, SplitInfo, Value
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCardData
from hypothesis import given
from hypothesis import strategies as st

from exports.columns import COUNT, FLAG, JSON, NUMBER, TEXT, ListOf
from exports.features import features_schema, info_in_card
from tests.examples import examples

if TYPE_CHECKING:
    from exports.columns import Columns, ColumnType

names = st.text("abcde_é", min_size=1, max_size=4)
kinds: st.SearchStrategy[ColumnType] = st.recursive(
    st.sampled_from([TEXT, COUNT, NUMBER, FLAG, JSON]),
    lambda inner: inner.map(ListOf) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=5,
)
several = st.dictionaries(names, kinds, min_size=1, max_size=4)
numbers = st.dictionaries(
    st.sampled_from(["train", "test"]),
    st.tuples(st.integers(0, 1 << 40), st.integers(0, 1 << 30)).map(
        lambda both: {"num_bytes": both[0], "num_examples": both[1]}
    ),
    min_size=1,
)


def features(columns: Columns) -> Features:
    def feature(kind: ColumnType) -> Value | Json | List | dict[str, object]:
        if isinstance(kind, str):
            return Json() if kind == JSON else Value(kind)
        if isinstance(kind, ListOf):
            return List(feature(kind.element))
        return {name: feature(field) for name, field in kind.items()}

    return Features({name: feature(kind) for name, kind in columns.items()})


@given(several)
@examples(50)
def test_the_schema_of_a_file_is_that_of_datasets(columns: Columns) -> None:
    ours = features_schema(columns)
    assert ours.equals(features(columns).arrow_schema, check_metadata=True)
    assert Features.from_arrow_schema(ours) == features(columns)


@given(several, several, numbers)
@examples(50)
def test_the_header_of_a_card_is_that_of_datasets(
    one: Columns, other: Columns, splits: dict[str, dict[str, int]]
) -> None:
    infos = {
        name: DatasetInfo(
            features=features(columns),
            splits=SplitDict({split: SplitInfo(split, **each) for split, each in splits.items()}),
            download_size=7,
            dataset_size=sum(each["num_bytes"] for each in splits.values()),
            config_name=name,
        )
        for name, columns in (("a", one), ("b", other))
    }
    theirs = DatasetCardData()
    DatasetInfosDict(infos).to_dataset_card_data(theirs)
    ours = [info_in_card(name, columns, splits, 7) for name, columns in (("a", one), ("b", other))]
    assert yaml.safe_dump(ours, sort_keys=False) == yaml.safe_dump(theirs["dataset_info"], sort_keys=False)
