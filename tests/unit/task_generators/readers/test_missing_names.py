"""What programs write where the name of a person is missing is nobody's name, in every format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from task_generators.chat_logs.readers import identify, named
from task_generators.chat_logs.readers.fields import NO_NAME, person
from task_generators.chat_logs.sources import Source
from tests.unit.task_generators.readers.golden_files import FILES, found_in

if TYPE_CHECKING:
    from pathlib import Path


def names_in(found: list[dict[str, Any]]) -> set[str]:
    names: set[str] = set()
    for each in found:
        raters = [judgment[0] for judgment in each.get("feedback", [])]
        names |= {name for name in (each.get("giver"), *raters) if name is not None}
        names |= names_in(each.get("fragments", []))
    return names


NAMED = [file for file in FILES if names_in(found_in(file))]


def test_most_formats_name_people() -> None:
    assert len(NAMED) > 15


@pytest.mark.parametrize("file", NAMED, ids=lambda file: str(file.stem))
@pytest.mark.parametrize("nobody", ["nan", "None", "<NA>"])
def test_a_word_for_a_missing_name_is_nobody_in_every_format(file: Path, tmp_path: Path, nobody: str) -> None:
    text = file.read_text(encoding="utf-8")
    for name in sorted(names_in(found_in(file)), key=len, reverse=True):
        text = re.sub(rf'(?<=[",\t]){re.escape(name)}(?=[\\",\s])', nobody, text)
    changed = tmp_path / file.name
    changed.write_text(text, encoding="utf-8")
    assert nobody in text
    assert nobody not in names_in(found_in(changed))


@pytest.mark.parametrize("word", sorted(NO_NAME))
def test_only_the_words_of_programs_are_nobody(word: str) -> None:
    assert person(word) is person(f" {word} ") is None
    assert person(f"{word}a") == f"{word}a"


@pytest.mark.parametrize(
    ("value", "name"),
    [("Nan", "Nan"), ("Na", "Na"), (0, "0"), (7.0, "7"), (7.5, None), (2.0**60, None), (True, None)],
)
def test_other_names_stay(value: object, name: str | None) -> None:
    assert person(value) == name


def test_numbers_of_people_are_theirs_in_a_table_where_one_is_missing(tmp_path: Path) -> None:
    """pandas makes 1.0 of 1 in such a column: nobody of the file had a giver."""
    said = [
        [{"role": "user", "content": f"Why {n}?"}, {"role": "assistant", "content": f"So {n}."}]
        for n in range(4)
    ]
    table = pd.DataFrame({"messages": said, "user_id": [1, 2, None, 2]})
    table.to_parquet(tmp_path / "a.parquet")
    table.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    for name in ("a.parquet", "a.jsonl"):
        rows = [row.value for row in Source(tmp_path / name).rows()]
        givers = [identify(named("openai").read(row)).conversation.giver_id for row in rows if row]
        assert givers == ["1", "2", None, "2"], name
