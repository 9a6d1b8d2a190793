"""What of a file does not enter is counted, named and shown; judgments that nobody reads stop the row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from task_generators.chat_logs.readers.fields import timestamp
from task_generators.chat_logs.readers.thumbs import thumb_of
from workspaces.store.latest_annotations import latest_annotations
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

Row = dict[str, Any]
ADDS_UP = ("added", "grown", "duplicates", "deleted", "rejected", "cleaned", "merged")


def chat(number: int, **more: object) -> Row:
    turns = [
        {"role": "user", "content": f"Name a river of land {number}."},
        {"role": "assistant", "content": "Po."},
    ]
    return {"id": f"c{number}", "messages": turns, **more}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "w").close()
    return tmp_path / "w"


def run(folder: Path, content: list[Row] | str, *options: str, name: str = "a.jsonl", code: int = 0) -> Any:
    path = folder.parent / name
    text = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["ingest", str(path), "--workspace", str(folder), *options])
    found = 0 if done.exception is None else getattr(done.exception, "exit_code", 1)
    assert found == code, done.exception
    if "--json" not in options:
        return done.stdout
    said = json.loads(done.stdout)
    if "--check" not in options:
        assert said["read"] == sum(said[name] for name in ADDS_UP)
    return said


def omissions(folder: Path) -> list[Row]:
    done = CliRunner().invoke(app, ["collection", "omissions", "--workspace", str(folder), "--json"])
    found: list[Row] = json.loads(done.stdout)["left_out"]
    return found


def test_values_that_nobody_reads_are_counted_by_row_in_every_summary(folder: Path) -> None:
    rows = [
        chat(1, temperature=0.5, extra={"a": 1, "b": 2}),
        chat(2, temperature=1),
        chat(3, temperature=None),
    ]
    rows[0]["messages"][0]["mood"] = "sad"
    assert "Not read: temperature (2 rows), extra (1 row), messages[].mood (1 row)" in run(folder, rows)
    assert run(folder, rows, "--json")["not_read"] == {"temperature": 2, "extra": 1, "messages[].mood": 1}
    kinds = {(each["kind"], each["reason"], each["count"], each["unit"]) for each in omissions(folder)}
    assert ("unread", "temperature", 2, "rows") in kinds


@pytest.mark.parametrize(
    "more",
    [
        {"label": "spam"},
        {"score_chosen": 8.5},
        {"rating": "good"},
        {"userRating": 5},
        {"chosen": [{"role": "assistant", "content": "Rhine."}]},
        {"candidates": [{"message": {"role": "assistant", "content": "Rhine."}}]},
        {"other": [{"from": "gpt", "value": "Rhine."}]},
        {"meta": {"thumb": "up"}},
    ],
)
def test_a_judgment_or_message_that_nobody_reads_stops_the_row_unless_the_lead_does_without(
    folder: Path, more: Row
) -> None:
    (column,) = more
    found = run(folder, [chat(1, **more), chat(2)], "--json", code=5)
    assert (found["added"], found["rejected"], found["not_read"]) == (1, 1, {})
    (reason,) = found["reasons"]
    assert column in reason
    again = run(folder, [chat(1, **more), chat(2)], "--json", "--ignore", column)
    assert (again["added"], again["rejected"], again["not_read"]) == (1, 0, {column: 1})


@pytest.mark.parametrize(
    "more",
    [{"response_format": "text"}, {"usage": {"completion_tokens": 5}}, {"answer_length": 3}, {"start": 1}],
)
def test_figures_about_answers_are_no_judgments(folder: Path, more: Row) -> None:
    assert run(folder, [chat(1, **more)], "--json")["added"] == 1


def test_replies_inside_a_turn_are_messages_and_a_turns_rating_is_a_judgment(folder: Path) -> None:
    nested, rated = chat(1), chat(2)
    nested["messages"][0]["children"] = [{"sender": "gpt", "text": "Rhine."}]
    rated["messages"][1]["rating"] = -1
    found = run(folder, [nested, rated], "--json", code=5)
    assert sorted(reason.partition(" holds")[0] for reason in found["reasons"]) == [
        "messages[].children",
        "messages[].rating",
    ]


def test_a_column_that_repeats_a_message_loses_nothing(folder: Path) -> None:
    assert run(folder, [chat(1, prompt="Name a river of land 1.")], "--json")["not_read"] == {}


def test_a_value_that_is_not_understood_is_counted_and_shown_without_what_is_private(folder: Path) -> None:
    table = "prompt,response,timestamp,thumb\nWhy?,So.,yesterday,up\nHow?,Thus.,ada@example.org,meh\n"
    said = run(folder, table, name="a.csv")
    assert "Not understood: timestamp (2 values, such as 'yesterday'), thumb (1 value, such as 'meh')" in said
    stored = {(each["reason"], each["example"]) for each in omissions(folder)}
    assert stored == {("timestamp", "yesterday"), ("thumb", "meh")}
    checked = run(folder, table, "--check", "--json", name="a.csv")
    assert "ada@example.org" not in json.dumps(checked)


def test_what_cleaning_cuts_is_counted_turn_by_turn(folder: Path) -> None:
    texts = [
        "Early answer of a cut chat.",
        "Go on, please?",
        "It goes on here.",
        "And then?",
        "",
        "Hello?",
        "Yes!",
    ]
    turns = [{"from": "human" if index % 2 else "gpt", "value": text} for index, text in enumerate(texts)]
    short = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    found = run(folder, [{"conversations": turns}, {"conversations": short}], "--json")
    assert (found["added"], found["cleaned"]) == (1, 1)
    assert found["cut_turns"] == {
        "from an empty answer on (rule of sharegpt)": 3,
        "after the last answer (rule of sharegpt)": 1,
        "before the first question (rule of sharegpt)": 1,
    }


def test_the_reader_that_loses_least_reads_a_file(folder: Path) -> None:
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    row = {"conversation_id": "x", "model": "m", "conversation": turns, "hashed_ip": "ip", "country": "Chad"}
    assert run(folder, [row], "--json")["format"] == "wildchat"
    assert run(folder, [{"conversation": turns, "model": "m"}], "--json")["format"] == "conversation"
    damaged = [row | {"hashed_ip": str(number), "conversation_id": None} for number in range(6)]
    assert run(folder, [*damaged, row], "--json", code=5)["format"] == "wildchat"


@pytest.mark.parametrize(
    "value",
    [
        1714557600, "1714557600", 1714557600000, "1714557600000", 1714557600000000, 1714557600000000000, 1714557600.0,
        "1714557600.0", "2024-05-01T10:00:00Z", "2024-05-01t10:00:00z", "2024-05-01 10:00:00 UTC",
        "2024-05-01 12:00:00+0200", "2024-05-01 10:00:00 +0000 UTC", "Wed, 01 May 2024 10:00:00 GMT",
        "Wed, 1 May 2024 12:00:00 +0200", "01 May 2024 10:00", "May 1, 2024 10:00 AM", "Wed May  1 10:00:00 2024",
        "Wed May 01 2024 12:00:00 GMT+0200 (Central European Summer Time)", "1.5.2024 10:00", "2024/05/01 10:00",
        "20240501T100000", "20240501100000", "2024-05-01T10:00:00.000000000Z", "2024-5-1@10h00m00s",
    ],
)  # fmt: skip
def test_a_time_is_read_in_every_common_writing(value: object) -> None:
    at = timestamp(value)
    assert at is not None
    assert at.isoformat() == "2024-05-01T10:00:00+00:00"


@pytest.mark.parametrize(
    "value", ["3/4/2024", "2024", "5", "soon", True, 1e300, "May 32, 2024", "99.99.2024", {}]
)
def test_a_time_is_not_guessed(value: object) -> None:
    assert timestamp(value) is None


@pytest.mark.parametrize(
    ("values", "thumb"),
    [
        (
            (
                1,
                "1",
                True,
                "TRUE",
                "Good",
                "like",
                "👍",
                "👍🏾",
                ":+1:",
                "thumbs up",
                "thumbs_up",
                "upvote",
                "positive",
            ),
            "up",
        ),
        (
            (
                0,
                "0",
                -1,
                False,
                "false",
                "BAD",
                "dislike",
                "👎",
                ":-1:",
                "thumbs-down",
                "Not helpful",
                "negative",
            ),
            "down",
        ),
        ((None, "", "meh", 5, 0.5, [], "goodness"), None),
    ],
)
def test_a_thumb_is_read_in_every_common_writing(values: tuple[object, ...], thumb: str | None) -> None:
    assert {value if isinstance(value, str) else repr(value): thumb_of(value) for value in values} == {
        value if isinstance(value, str) else repr(value): thumb for value in values
    }


@pytest.mark.parametrize(("given", "thumbs"), [("1 0 1", ["down", "up", "up"]), ("1 0 -1", ["down", "up"])])
def test_zero_is_a_thumb_down_unless_the_column_has_minus_one(
    folder: Path, given: str, thumbs: list[str]
) -> None:
    table = "prompt,response,thumb\n" + "".join(
        f"Why {n}?,So.,{each}\n" for n, each in enumerate(given.split())
    )
    assert run(folder, table, "--json", name="a.csv")["not_understood"] == {}
    with Workspace.open(folder) as workspace, workspace.store.read() as connection:
        assert sorted(str(each.values["thumb"]) for each in latest_annotations(connection)) == thumbs


def test_a_check_says_what_ingest_would_do_and_does_nothing(folder: Path) -> None:
    rows = [
        chat(1, model="m1", timestamp="2024-05-01", tag=[7]),
        chat(2, model="m2"),
        chat(3, label="spam"),
        {"x": 1},
    ]
    checked = run(folder, rows, "--check", "--json", code=5)
    assert (checked["format"], checked["read"], checked["conversations"], checked["rejected"]) == (
        "openai",
        4,
        2,
        2,
    )
    assert checked["columns"] == {
        "id": "id of the conversation",
        "messages": "messages",
        "model": "model",
        "timestamp": "time",
        "tag": "not read",
        "label": "not read",
        "x": "not read",
    }
    assert checked["roles"] == {"user": 2, "assistant": 2}
    assert checked["models"] == {"m1": 1, "m2": 1}
    assert checked["times"]["earliest"] == "2024-05-01T00:00:00+00:00"
    assert {each["what"]: each["examples"] for each in checked["losses"]} == {"tag": ["[7]"]}
    assert [example["line"] for each in checked["omitted"] for example in each["examples"]] == [3, 4]
    assert any("--ignore" in each for each in checked["advice"])
    said = run(folder, rows, "--check", code=5)
    for part in ("because it has the columns messages", "Columns", "Found", "Not kept", "To do:"):
        assert part in said
    with Workspace.open(folder) as workspace:
        assert list(workspace.collection.scan()) == []
    assert omissions(folder) == []
    assert not (folder / "rejects").exists()
    done = run(folder, rows, "--json", code=5)
    assert (done["added"], done["rejected"]) == (2, 2)


def test_a_check_of_an_unknown_format_says_what_to_configure(folder: Path) -> None:
    checked = run(folder, "frage,antwort\nWarum?,Darum.\n", "--check", "--json", name="a.csv", code=2)
    assert (checked["format"], checked["columns"]) == (None, {"frage": "not read", "antwort": "not read"})
    assert "csv_columns" in checked["advice"][0]
