"""Every reader against rows of its source: what comes of each is written down beside them."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from task_generators.chat_logs import readers
from task_generators.chat_logs.readers import READERS, RowError
from tests.unit.task_generators.readers.golden_files import FILES, expected_of, found_in, plain

if TYPE_CHECKING:
    from pathlib import Path

SPANNING = [file for file in FILES if readers.named(file.stem).group_key is not None]


def test_there_is_a_golden_file_for_every_format() -> None:
    assert {file.stem for file in FILES} == {reader.name for reader in READERS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_every_row_is_read_as_it_was_written_down(file: Path) -> None:
    found = found_in(file)
    assert found[0] == {"format": file.stem}
    assert sum(len(each["lines"]) for each in found[1:]) >= 20
    assert found == json.loads(expected_of(file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_a_format_has_rows_that_are_read_and_rows_that_are_rejected(file: Path) -> None:
    found = json.loads(expected_of(file).read_text(encoding="utf-8"))[1:]
    assert any("messages" in each for each in found)
    assert any("rejected" in each for each in found)


@pytest.mark.parametrize("file", SPANNING, ids=lambda file: str(file.stem))
@pytest.mark.parametrize("seed", range(3))
def test_rows_of_one_conversation_may_stand_in_any_order(file: Path, tmp_path: Path, seed: int) -> None:
    written = file.read_text(encoding="utf-8")
    if file.suffix == ".tsv":
        head, *lines = csv.reader(io.StringIO(written), delimiter="\t")
        rows: list[Any] = [
            row for row in lines if row[0] != "k10"
        ]  # without a turn, the order of the file is that of the turns
        header = [head]
    else:
        header, rows = [], written.splitlines()

    def said(rows: list[Any]) -> list[str]:
        path = tmp_path / f"shuffled{file.suffix}"
        with path.open("w", encoding="utf-8", newline="") as made:
            if header:
                csv.writer(made, delimiter="\t").writerows([*header, *rows])
            else:
                made.writelines(row + "\n" for row in rows)
        found = ({name: value for name, value in each.items() if name != "lines"} for each in found_in(path))
        return sorted(json.dumps({**each, "left_out": len(each.get("left_out", []))}) for each in found)

    assert said(random.Random(seed).sample(rows, len(rows))) == said(rows)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: str(reader.name))
@pytest.mark.parametrize("row", [{}, {"unknown": 1}, {"conversation_id": "x"}])
def test_a_row_of_another_format_is_rejected_where_the_format_was_named(
    reader: Any, row: dict[str, Any]
) -> None:
    with pytest.raises(RowError, match=r"\w"):
        reader.read(row)


def test_a_tree_a_row_and_a_message_a_row_give_the_same_conversation() -> None:
    def messages(name: str, tree: str) -> list[Any]:
        file = next(file for file in FILES if file.stem == name)
        return next(each["messages"] for each in found_in(file)[1:] if each.get("id") == tree)

    assert messages("oasst-tree", "oasst-t6") == messages("oasst", "oasst-t6")


def test_thumbs_of_responses_come_before_that_of_the_conversation() -> None:
    turns = [{"role": role, "content": role} for role in ("user", "assistant", "user", "assistant")]
    row = {"conversation_id": "c", "conversation": turns, "model_name": "", "source": "x", "user_id": "ada"}
    said = {"message_ratings": [-1, 0], "rate": "thumbup"}
    feedback = plain(readers.named("sharelm").read(row | {"conversation_metadata": said}))["feedback"]
    assert feedback == [
        ["ada", "rating", ["c#1"], {"thumb": "down"}, None],
        ["ada", "rating", ["c#3"], {"thumb": "up"}, None],
    ]


def test_demographics_of_the_survey_stay_within_what_a_log_may_say_of_its_giver() -> None:
    survey = {
        "age": "25-34",
        "gender": "Female",
        "religion": {"self_described": "x"},
        "ethnicity": {"self_described": "x"},
        "location": {"birth_country": "France", "reside_country": "Spain"},
        "english_proficiency": "Fluent",
    }
    history = [{"turn": 0, "role": "user", "content": "hi"}]
    row = {"conversation_id": "c", "conversation_history": history, "user_id": "u", "survey": survey}
    assert plain(readers.named("prism").read(row))["person"] == {
        "age": "25-34",
        "gender": "Female",
        "location": "Spain",
        "english_proficiency": "Fluent",
    }
