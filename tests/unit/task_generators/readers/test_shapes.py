"""Files as people have them: JSON in any shape and under any name, other encodings, tables of any tool, archives."""

from __future__ import annotations

import codecs
import csv
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators.chat_logs.sources import Source, plan
from task_generators.chat_logs.sources.python_lists import listed
from task_generators.chat_logs.sources.rows import parsed_row
from tests.examples import examples
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    {
        "id": f"r{n}",
        "messages": [{"role": "user", "content": f"é {n}?"}, {"role": "assistant", "content": "ja"}],
    }
    for n in range(3)
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
TABLE = "prompt,response\nName a river,Éger\n"


def values(path: Path, content: str | bytes, encoding: str | None = None) -> list[Any]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [row.value for row in Source(path, encoding=encoding).rows()]


def planned(path: Path, content: str | bytes) -> tuple[str | None, list[Any]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source_plan = plan(Source(path))
    rows = [row.value for _, chunk in source_plan.chunks() for row in chunk]
    return source_plan.format, rows


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt", "a.log", "train", "a.data"])
def test_lines_of_json_are_read_under_any_name(tmp_path: Path, name: str) -> None:
    assert values(tmp_path / name, LINES) == ROWS


@pytest.mark.parametrize("name", ["a.json", "train"])
def test_long_lines_of_json_and_a_long_object_are_told_apart(tmp_path: Path, name: str) -> None:
    long = [{**row, "note": "x" * 100_000} for row in ROWS]
    assert values(tmp_path / name, "".join(json.dumps(row) + "\n" for row in long)) == long
    assert values(tmp_path / name, json.dumps({"data": long})) == long
    assert values(tmp_path / name, json.dumps({"data": long}, indent=1)) == long
    assert values(tmp_path / name, json.dumps(long[0])) == long[:1]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt", "chats"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_read_under_any_name(tmp_path: Path, name: str, indent: int | None) -> None:
    assert values(tmp_path / name, json.dumps(ROWS, indent=indent)) == ROWS


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_one_conversation_is_a_file(tmp_path: Path, name: str, indent: int | None) -> None:
    assert values(tmp_path / name, json.dumps(ROWS[0], indent=indent)) == [ROWS[0]]


@pytest.mark.parametrize(
    "wrapper",
    [
        {"version": 1, "data": ROWS},
        {"result": {"page": {"items": ROWS}}},
        {"users": [{"name": "x"}], "chats": ROWS},
    ],
)
def test_one_list_inside_an_object_is_read(tmp_path: Path, wrapper: dict[str, Any]) -> None:
    assert values(tmp_path / "a.json", json.dumps(wrapper, indent=1)) == ROWS


def test_an_object_with_two_lists_of_chats_says_where_they_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"lists of objects are at a, b\.c"):
        values(tmp_path / "a.json", json.dumps({"a": ROWS, "b": {"c": ROWS}}))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    ("name", "content", "read"),
    [
        ("a.jsonl", LINES, ROWS),
        ("a.json", json.dumps(ROWS), ROWS),
        ("a.csv", TABLE, [{"prompt": "Name a river", "response": "Éger"}]),
    ],
)
def test_a_mark_or_the_zeros_of_a_file_say_its_encoding(
    tmp_path: Path, encoding: str, name: str, content: str, read: list[Any]
) -> None:
    assert values(tmp_path / name, content.encode(encoding)) == read


def test_a_table_in_another_encoding_is_a_reject_with_its_remedy_or_is_read_by_its_name(
    tmp_path: Path,
) -> None:
    table = (TABLE + "Name a star,Sun\n").encode("cp1252")
    path = tmp_path / "a.csv"
    assert values(path, table) == [None, {"prompt": "Name a star", "response": "Sun"}]
    (problem,) = [row.problem for row in Source(path).rows() if row.problem]
    assert "--encoding cp1252" in problem
    assert values(path, table, "cp1252")[0] == {"prompt": "Name a river", "response": "Éger"}
    with pytest.raises(UsageError, match="no encoding is called 'cp9999'"):
        values(path, table, "cp9999")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_separator_is_what_the_header_has(tmp_path: Path, delimiter: str, name: str) -> None:
    table = io.StringIO()
    rows = [["prompt", "response"], ["a, b; c", "d|e\tf"]]
    csv.writer(table, delimiter=delimiter).writerows(rows)
    assert values(tmp_path / name, table.getvalue()) == [{"prompt": "a, b; c", "response": "d|e\tf"}]


@pytest.mark.parametrize(
    "header", ["Prompt,Response,Model Name", "PROMPT,RESPONSE,MODEL_NAME", "prompt,response,Model-Name"]
)
def test_names_of_columns_may_differ_in_case_and_blanks(tmp_path: Path, header: str) -> None:
    found, rows = planned(tmp_path / "a.csv", f"{header}\nWhy?,So.,m1\n")
    assert found == "csv"
    assert rows == [{"prompt": "Why?", "response": "So.", "model_name": "m1"}]


def test_names_in_another_case_are_found_in_json_too(tmp_path: Path) -> None:
    found, rows = planned(tmp_path / "a.jsonl", json.dumps({"Messages": ROWS[0]["messages"], "ID": "r0"}))
    assert (found, rows) == ("openai", [ROWS[0]])


def test_lists_that_pandas_and_numpy_write_as_text_are_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "it's \"this\"} {'that"}, {"role": "assistant", "content": "a\nb"}]
    for text in (str(turns), "[" + "\n ".join(map(str, turns)) + "]", json.dumps(turns)):
        table = io.StringIO()
        csv.writer(table).writerows([["id", "messages"], ["r1", text]])
        assert values(tmp_path / "a.csv", table.getvalue()) == [{"id": "r1", "messages": turns}]


def test_numpy_writes_no_commas_between_texts() -> None:
    assert listed("['a' 'b']") == ["a", "b"]
    assert listed("['it''s']") == ["its"]
    assert listed("[a, b]") is None
    assert listed("[1, 2") is None


@given(
    st.lists(
        st.dictionaries(st.text(max_size=5), st.text(max_size=20), min_size=1, max_size=3),
        min_size=1,
        max_size=4,
    )
)
@examples(100)
def test_any_list_of_objects_survives_the_writings_of_python_and_numpy(items: list[dict[str, str]]) -> None:
    assert listed(str(items)) == items
    assert listed("[" + "\n ".join(map(str, items)) + "]") == items


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def test_an_archive_is_read_in_place_and_says_what_it_skips(tmp_path: Path) -> None:
    files = {
        "export/chats.json": json.dumps(ROWS).encode(),
        "export/more.csv": codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"),
        "export/user.json": b'{"email": "ada@example.org"}',
        "export/chat.html": b"<html>",
        "__MACOSX/chats.json": b"x",
    }
    source = Source(archive(tmp_path / "export.zip", files))
    assert [row.value for row in source.rows()] == [*ROWS, {"prompt": "Name a river", "response": "Éger"}]
    assert source.skipped == ["export/chat.html", "export/user.json"]
    assert source.place(5) == {"line": 2, "file": "export/more.csv"}


REPEATED = [
    '{"prompt": "x", "response": "first", "response": "second"}',
    '{"messages": [{"role": "user", "content": "a", "content" : "b"}]}',
    '{"a": {"b": [{"c": 1, "c": 2}]}}',
]
NOT_REPEATED = [
    '{"prompt": "x", "response": "say \\"a\\": 1", "prompt": "x"}',
    '{"a": {"b": 1}, "c": {"b": 2}, "d": [{"b": 3}, {"b": 4}]}',
]


@pytest.mark.parametrize("shape", ["lines", "array", "object"])
@pytest.mark.parametrize("text", [*REPEATED, *NOT_REPEATED])
def test_a_key_that_stands_twice_with_different_values_makes_a_row_a_reject(
    tmp_path: Path, text: str, shape: str
) -> None:
    sound = '{"messages": []}'
    path = tmp_path / "a.json"
    path.write_text(
        {"lines": f"{text}\n{sound}\n", "array": f"[{text},\n {sound}]", "object": text}[shape],
        encoding="utf-8",
    )
    if shape == "object" and text == NOT_REPEATED[1]:
        return  # an object with lists is another shape
    first, *rest = Source(path).rows()
    assert (first.problem or "").startswith("a key stands twice") == (text in REPEATED)
    assert [row.value for row in rest] == ([] if shape == "object" else [json.loads(sound)])


@given(
    st.recursive(
        st.text(max_size=5) | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    )
)
@examples(200)
def test_a_line_of_json_without_a_repeated_key_is_read_whatever_its_texts_are(value: Any) -> None:
    for line in (json.dumps({"a": value}), json.dumps({"a": value}, separators=(", ", " : "))):
        assert parsed_row(1, line.encode()).value == {"a": value}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("prompt,response,response", ["prompt", "response", "response (2)"]),
        (",prompt,", ["column 1", "prompt", "column 3"]),
        ("a,a,a", ["a", "a (2)", "a (3)"]),
    ],
)
def test_every_column_of_a_table_has_a_name_of_its_own(
    tmp_path: Path, header: str, expected: list[str]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,2,3\n", encoding="utf-8")
    (row,) = Source(path).rows()
    assert row.value == dict(zip(expected, "123", strict=True))
    names = header.split(",")
    table = pa.Table.from_arrays([pa.array([cell]) for cell in "123"], names=names)
    pq.write_table(table, tmp_path / "a.parquet")
    (row,) = Source(tmp_path / "a.parquet").rows()
    assert row.value == dict(zip(expected, "123", strict=True))


@pytest.mark.parametrize("further", ["x", "[]", '[{"prompt": "y"}]', "{}", ","])
@pytest.mark.parametrize("items", [ROWS, []])
def test_what_stands_behind_an_array_is_an_error_and_not_left_out(
    tmp_path: Path, items: list[Any], further: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(f"{json.dumps(items)}\n {further}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="after the array stands"):
        list(Source(path).rows())


def test_what_stands_beside_the_list_of_rows_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    made = {"made": {"by": "x"}, "empty": [], "data": {"count": 3, "conversations": ROWS}}
    path.write_text(json.dumps(made), encoding="utf-8")
    source = Source(path)
    for _ in range(2):
        assert [row.value for row in source.rows()] == ROWS
        assert source.beside_rows == ["made", "data.count"]


def test_a_list_of_rows_may_be_called_as_turns_are(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"conversations": ROWS}), encoding="utf-8")
    assert [row.value for row in Source(path).rows()] == ROWS


def test_a_folder_is_read_and_says_which_files_hold_no_rows_of_chats(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"made_by": "a program"}', encoding="utf-8")
    vote = {"pair_id": "p1", "person_id": "x", "task_id": "t", "preferred": "chosen"}
    (tmp_path / "b.jsonl").write_text(json.dumps(vote) + "\n", encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps(ROWS), encoding="utf-8")
    (tmp_path / "d.csv").write_text("", encoding="utf-8")
    (tmp_path / "e.jsonl").write_text('{"unknown": 1}\n', encoding="utf-8")
    source = Source(tmp_path)
    assert [row.value for row in source.rows()] == [*ROWS, {"unknown": 1}]
    assert source.skipped == ["a.json", "b.jsonl"]
    assert source.place(len(ROWS) + 1) == {"line": 1, "file": "e.jsonl"}


def test_what_no_reader_looks_at_in_a_folder_is_named(tmp_path: Path) -> None:
    """Files of other kinds, hidden data and workspaces; papers of the dataset and its repository are not."""
    names = [
        "a.jsonl",
        "notes.md",
        "b.PDF",
        "sub/x.zip",
        "_old/c.jsonl",
        ".d.jsonl",
        "README.md",
        ".git/index",
    ]
    names += [f"pictures/{number}.png" for number in range(9)]
    names += ["w/chatfeedback.yaml", "w/collection/part-1.parquet"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    source = Source(tmp_path)
    assert [row.value for row in source.rows()] == ROWS[:1]
    assert sorted(source.skipped) == [
        ".d.jsonl",
        "_old/c.jsonl",
        "b.PDF",
        "notes.md",
        "pictures/0.png and 8 more like it",
        "sub/x.zip",
        "w/ (a workspace)",
    ]


def test_a_workspace_is_no_folder_of_chat_logs_and_logs_beside_it_are_named(tmp_path: Path) -> None:
    for name in (
        "chatfeedback.yaml",
        "collection/part-1.parquet",
        "rejects/x.jsonl",
        "my.jsonl",
        "more/b.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"is a workspace.*here lie more/b\.csv, my\.jsonl$"):
        list(Source(tmp_path).rows())


@pytest.mark.parametrize(
    "files",
    [
        "data/train.jsonl",
        ["data/train.jsonl"],
        [{"split": "train", "path": "data/tr*.jsonl"}],
        {"train": "data/train.jsonl"},
    ],
)
def test_of_a_dataset_with_a_card_its_default_configuration_is_read(tmp_path: Path, files: Any) -> None:
    (tmp_path / "data").mkdir()
    for name in ("train", "more"):
        (tmp_path / "data" / f"{name}.jsonl").write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    configs = [
        {"config_name": "other", "data_files": "data/more.jsonl"},
        {"config_name": "main", "default": True, "data_files": files},
    ]
    card = f"---\n{json.dumps({'configs': configs})}\n---\n# Chats\n"
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    source = Source(tmp_path)
    assert [row.value for row in source.rows()] == ROWS[:1]
    assert source.skipped == ["data/more.jsonl"]


@pytest.mark.parametrize(
    "card",
    [
        "",
        "---",
        "---\n[\n---",
        "---\nconfigs: 7\n---",
        "---\nconfigs: [{default: true}]\n---",
        "---\nconfigs: [{default: true, data_files: [{path: null}, '', '/', '..', 'missing.jsonl']}]\n---",
    ],
)
def test_a_card_that_names_no_default_configuration_changes_nothing(tmp_path: Path, card: str) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(card, encoding="utf-8")
    source = Source(tmp_path)
    assert [row.value for row in source.rows()] == ROWS[:1]
    assert source.skipped == []


def test_an_archive_that_unpacks_to_far_too_much_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_generators.chat_logs.sources.opening.FREE_BYTES", 10_000)
    bomb = LINES.encode() * 30_000
    with pytest.raises(UsageError, match="unpacks to more than 200 times its size"):
        list(Source(archive(tmp_path / "bomb.zip", {"a.jsonl": bomb})).rows())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK", "cannot be read: File is not a zip file"),
        (None, "holds no file with a chat log that a reader knows"),
    ],
)
def test_an_archive_without_chats_is_explained(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = archive(tmp_path / "a.zip", {"x.json": b'{"a": 1}'})
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        list(Source(path).rows())
