"""Ratings, moderations beside people, the collection itself and a benchmark, as their readers load them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st

import exports
from exports import NothingToExportError, projection_of
from exports.collected import Collected
from exports.pairs import Origin
from exports.rated import RatedResponse, Rating
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.kinds import together
from workspaces.records import (
    IMPORTED,
    AnnotationStatus,
    Attachment,
    Conversation,
    Generated,
    Message,
    Role,
    ToolCall,
)

if TYPE_CHECKING:
    from pathlib import Path

    from exports import Evidence

SECRETS = ("giver-7f3a", "42 Baker Street", "female", "203.0.113.9", "thinks of her name")


def written(
    folder: Path, name: str, evidence: Evidence, table: str | None = None
) -> tuple[list[Any], dict[str, Any]]:
    exports.export(
        folder / name, projection_of(name), evidence, ledger_tip=None, created_at=NOW, test_share=0
    )
    loaded = load_dataset(
        str(folder / name), table or projection_of(name).training_table.name, cache_dir=str(folder / "cache")
    )
    manifest = json.loads((folder / name / "manifest.json").read_text("utf-8"))
    return [row for rows in loaded.values() for row in rows], manifest


def test_ratings_are_means_by_aspect_and_every_rating_is_a_row(tmp_path: Path) -> None:
    made = World()
    one, two = made.chat("Why?", "good", "bad")
    task = made.task(one)
    made.answer(task, "p0", instruction="yes", helpful="yes", factual="na")
    made.answer(task, "p1", helpful="no", tags_reason="too short")
    made.answer(made.task(one, two, kind="response_score"), "p2", response_score_1="4", response_score_2="1")
    made.answer(made.task(two, kind="response_rating"), "p3", thumb_1="down")
    weights = Weights({"p0": 0.75, "p1": 0.25, "p2": 1.0, "p3": 1.0})
    (row,), manifest = written(tmp_path, "ultrafeedback", replace(made.evidence(), weights=weights))
    assert (row["instruction"], row["source"]) == ("Why?", "test logs")
    bad, good = row["completions"]
    assert (good["response"], good["model"]) == ("good", "model-0")
    helpful = {"Rating": "4", "Rationale": "", "mean": 4.0, "n_annotators": 2}
    assert good["annotations"]["helpfulness"] == helpful
    assert good["annotations"]["truthfulness"]["mean"] is None
    assert (good["fine-grained_score"], good["overall_score"]) == (4.5, 4.0)
    assert (bad["fine-grained_score"], bad["overall_score"]) == (None, 1.0)
    assert bad["annotations"]["thumb"]["mean"] == 1.0
    assert manifest["rated"]["helpfulness"] == 1
    votes, _ = written(tmp_path, "ultrafeedback", replace(made.evidence(), weights=weights), "votes")
    assert len(votes) == 7
    assert {vote["rating"] for vote in votes if vote["aspect"] == "truthfulness"} == {None}


@given(st.lists(st.floats(0.01, 1.0), min_size=1, max_size=9), st.sampled_from([1.0, 3.0, 5.0]))
def test_what_all_rate_alike_has_their_rating_whatever_they_weigh(weights: list[float], value: float) -> None:
    ratings = tuple(
        Rating(f"a{number}", "t", f"p{number}", weight, "thumb", value, "")
        for number, weight in enumerate(weights)
    )
    assert RatedResponse("good", Origin.MODEL, (), (), ratings).mean("thumb") == value


def test_scripts_that_read_ultrafeedback_find_a_models_response_its_rating_and_every_aspect(
    tmp_path: Path,
) -> None:
    """They look the place of a model up in ``models``, take ``int(Rating)`` unless it is N/A, and drop two columns."""
    made = World()
    messages = made.chat("Why?", "zebra", "apple", "mango")
    for place, message in enumerate(messages):
        task = made.task(message, kind="qualitative_reasons")
        for person, said in (("p0", "yes"), ("p1", "no" if place else "yes")):
            made.answer(task, person, helpful=said, tags_reason=f"reason {place}")
    (row,), _ = written(tmp_path, "ultrafeedback", made.evidence())
    assert {
        "source",
        "instruction",
        "models",
        "completions",
        "correct_answers",
        "incorrect_answers",
    } <= row.keys()
    for place, text in enumerate(("zebra", "apple", "mango")):
        found = row["completions"][row["models"].index(f"model-{place}")]
        assert (found["model"], found["response"]) == (f"model-{place}", text)
        assert int(found["annotations"]["helpfulness"]["Rating"]) == (3 if place else 5)
        assert found["critique"] == f"reason {place}"
        for aspect in ("instruction_following", "honesty", "truthfulness"):
            assert found["annotations"][aspect]["Rating"] == "N/A"


def test_an_answer_without_a_rating_says_so() -> None:
    made = World()
    made.votes(made.task(*made.chat("q", "one", "two")), "a")
    (omission,) = projection_of("ultrafeedback").select(made.evidence()).omissions
    assert (omission.reason.value, omission.annotation_id) == ("answer without a rating of a response", "a0")


def test_a_number_of_a_log_has_no_known_scale_and_a_word_has(tmp_path: Path) -> None:
    made = World()
    for number, said in enumerate([{"helpful": "1"}, {"helpful": "yes"}, {"thumb": "down"}, {"style": "5"}]):
        task = made.task(made.chat(f"q{number}", "x")[0], kind="rating")
        made.tasks[task] = replace(made.tasks[task], platform=IMPORTED)
        made.answer(task, "p0", status=AnnotationStatus.SUBMITTED, **said)
    rows, manifest = written(tmp_path, "ultrafeedback", made.evidence())
    told = {row["instruction"]: row["completions"][0]["overall_score"] for row in rows}
    assert told == {"q1": 5.0, "q2": 1.0}
    assert manifest["dropped"] == {"answer without a rating of a response": 2}


def test_ratings_that_a_lead_decided_are_the_means_and_the_ratings_stay_beside(tmp_path: Path) -> None:
    made = World()
    one, two = made.chat("q", "x", "y")
    task = made.task(one, two, kind="response_score")
    for person, score in (("p0", "1"), ("p1", "5")):
        made.answer(task, person, response_score_1=score, response_score_2="4")
    decided = {("response_score", "response_score", one): "2"}
    evidence = replace(made.evidence(), decisions=decided)
    (row,), _ = written(tmp_path, "ultrafeedback", evidence)
    assert [it["overall_score"] for it in row["completions"]] == [2.0, 4.0]
    assert row["completions"][0]["annotations"]["score"]["n_annotators"] == 2
    (told,), _ = written(tmp_path / "again", "ultrafeedback", evidence, "provenance")
    assert told["adjudicated"] is True


def test_a_ranking_follows_the_comparisons_that_a_lead_decided(tmp_path: Path) -> None:
    made = World()
    ids = made.chat("q", "one", "two", "three")
    task = made.task(*ids)
    made.answer(task, "p0", ranking="a > b > c")
    made.answer(task, "p1", ranking="b > a > c")
    (row,), _ = written(tmp_path / "votes", "ranking", made.evidence())
    assert [it["rank"] for it in row["completions"]] == [0, 0, 1]
    for vote, best in (("first", "one"), ("second", "two")):
        decided = {("ranking", "ranking", together(ids[:2])): vote}
        evidence = replace(made.evidence(), decisions=decided)
        (row,), _ = written(tmp_path / vote, "ranking", evidence)
        assert [it["rank"] for it in row["completions"]] == [0, 1, 2]
        assert row["completions"][0]["completion"][0]["content"] == best
        (told,), _ = written(tmp_path / f"{vote} told", "ranking", evidence, "provenance")
        assert (told["adjudicated"], told["n_annotators"]) == (True, 2)


def test_endpoints_are_scored_against_the_majority_of_people(tmp_path: Path) -> None:
    made = World()
    for number, (people, flags) in enumerate(
        [("hate", True), ("hate", False), ("none", True), ("none", False)] * 2
    ):
        place = 1 if flags else 0  # the endpoint of these tests flags the second response of a chat
        made.harm(made.chat(f"q{number}", "x", f"y{number}")[place], "p0", people)
    rows, manifest = written(tmp_path, "moderation", made.evidence())
    assert len(rows) == 8
    found = manifest["moderation"]["test-moderator"]
    assert (found["both"], found["endpoint_alone"], found["people_alone"], found["neither"]) == (2, 2, 2, 2)
    assert (found["precision"], found["recall"], found["f1"], found["accuracy"]) == (0.5, 0.5, 0.5, 0.5)
    flagged = [row for row in rows if row["moderations"][0]["flagged"]]
    assert {tuple(row["moderations"][0]["categories"]) for row in flagged} == {("hate",)}


def test_what_no_endpoint_judged_is_left_out_with_the_next_command(tmp_path: Path) -> None:
    made = World()
    made.harm(made.chat("q", "x")[0], "p0", "hate")
    with pytest.raises(
        NothingToExportError, match=r"1 answer on a response that no moderation.*collection moderate"
    ):
        written(tmp_path, "moderation", replace(made.evidence(), collected=Collected()))


def collection() -> Evidence:
    made = World()
    call = ToolCall("clock", '{"zone": 1}', "c1")
    messages = (
        Message("u", None, Role.USER, "", attachments=(Attachment("image", "clock.png"),)),
        Message("t", "u", Role.ASSISTANT, "", "m", reasoning="thinks of her name", tool_calls=(call,)),
        Message("o", "t", Role.TOOL, "08:15", tool_call_id="c1", tool_name="clock"),
        Message("r0", "o", Role.ASSISTANT, "A quarter past eight.", "m"),
        Message("r1", "o", Role.ASSISTANT, "Eight.", "n", generated=Generated("{}", "apache-2.0")),
    )
    made.conversations.append(
        Conversation(
            "chat-1", messages, "logs", giver_id="giver-7f3a", timestamp=NOW, licence="mit", language="English",
            user_metadata={"location": "42 Baker Street", "gender": "female"},
            conversation_metadata={"ip": "203.0.113.9", "title": "of giver-7f3a"},
        )
    )  # fmt: skip
    made.conversations.append(Conversation("empty", (), "logs"))
    made.answer(made.task("r0"), "p-secret-person", helpful="yes")
    return made.evidence()


def test_the_collection_is_written_whole_and_says_nothing_of_who_gave_it(tmp_path: Path) -> None:
    (row,), manifest = written(tmp_path, "sharelm", collection())
    assert [turn["role"] for turn in row["conversation"]] == ["user", "assistant", "tool", "assistant"]
    assert all(turn["content"] for turn in row["conversation"])
    assert row["conversation"][0]["content"] == "[image: clock.png]"
    assert (row["model_name"], row["user_id"], row["timestamp"]) == ("m", "", "2026-05-01")
    assert row["conversation_metadata"]["language"] == "English"
    (tree,), _ = written(tmp_path, "sharelm", collection(), "tree")
    assert [it["parent_id"] for it in tree["messages"]] == [None, "u", "t", "o", "o"]
    assert json.loads(tree["messages"][1]["tool_calls"])[0]["name"] == "clock"
    assert (tree["n_branches"], tree["messages"][4]["generated"]) == (1, True)
    assert manifest["accounting"]["items"]["left_out"] == {"conversation without a message": 1}
    assert manifest["licences"] == {"apache-2.0": 1, "mit": 1}
    assert manifest["dropped"] == {"answer in an export of the collection, which holds none": 1}
    scanned = 0
    for path in (tmp_path / "sharelm").rglob("*"):
        if path.is_file():
            scanned += 1
            held = path.read_bytes()
            if path.suffix == ".parquet":
                import pyarrow.parquet as pq

                held += json.dumps(pq.read_table(path).to_pylist()).encode()
            assert not [secret for secret in (*SECRETS, "p-secret-person") if secret.encode() in held], path
    assert scanned > 5


def test_a_model_that_no_log_names_has_no_name_in_the_collection(tmp_path: Path) -> None:
    made = World()
    made.chat("q", "x")
    (chat,) = made.conversations
    nameless = tuple(replace(it, model_name=None) for it in chat.messages)
    made.conversations = [replace(chat, messages=nameless, model_name=None)]
    (row,), _ = written(tmp_path, "sharelm", made.evidence())
    (tree,), _ = written(tmp_path, "sharelm", made.evidence(), "tree")
    assert row["model_name"] == ""
    assert [it["model"] for it in tree["messages"]] == [None, None]
    (where,), _ = written(tmp_path, "sharelm", made.evidence(), "provenance")
    assert where["models"] == ["unknown"]


@pytest.mark.parametrize("tools", [float("nan"), [float("nan")], "deep", [{"name": "clock"}]])
def test_definitions_of_tools_are_json_or_left_out(tools: Any) -> None:
    if tools == "deep":
        tools = []
        for _ in range(2000):
            tools = [tools]
    made = World()
    made.chat("q", "x")
    made.conversations[0] = replace(made.conversations[0], conversation_metadata={"tools": tools})
    projection = projection_of("sharelm")
    (item,) = projection.select(made.evidence()).items
    (row,) = projection.tables[1].rows(item)
    assert row["tools"] == (
        '[{"name": "clock"}]' if isinstance(tools, list) and isinstance(tools[0], dict) else ""
    )


def test_a_benchmark_is_arena_hards_questions_with_its_judge_and_only_a_test_split(tmp_path: Path) -> None:
    made = World()
    for number in range(4):
        made.chat(f"Prove theorem {number}.", "x", licence="mit")
    rows, manifest = written(tmp_path, "benchmark", made.evidence())
    assert manifest["rows"]["benchmark"] == {"test": 4}
    assert manifest["warnings"] == []
    (path,) = (tmp_path / "benchmark" / "data" / "benchmark").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines == rows
    assert all(len(line["turns"]) == 1 and line["turns"][0]["content"].startswith("Prove") for line in lines)
    assert manifest["topics"] == {"topic 0": 2, "topic 1": 2}
    assert (manifest["quotas"], manifest["judges"]) == ({"per_topic": 9}, ["judge-1"])
    assert manifest["accounting"]["items"]["left_out"] == {"prompt with score too low": 2}
    settings = yaml.safe_load((tmp_path / "benchmark" / "judge_config.yaml").read_text("utf-8"))
    assert settings["pairwise"] is True
    assert "{question_1}" in settings["prompt_template"][0]
