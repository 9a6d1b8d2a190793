"""Raters that a log does not name: how many people they are, whatever the order of the rows, and once each."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from datasets import load_dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatfeedback import steps
from exports import NothingToExportError
from quality import votes
from task_generators.chat_logs import appending, keep_feedback
from task_generators.chat_logs.readers import Feedback
from tests.sample_records import NOW
from workspaces.records import ANONYMOUS
from workspaces.store.latest_annotations import latest_annotations
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence
    from pathlib import Path

    from task_generators.chat_logs import Ingested
    from workspaces.records import Annotation

Row = dict[str, Any]
TEXTS = ("good", "bad", "fair")


def vote(better: str, worse: str, question: str = "Why?") -> Row:
    """Return a row of hh-rlhf: one unnamed person preferred one answer to another."""
    said = f"\n\nHuman: {question}\n\nAssistant: "
    return {"chosen": said + better, "rejected": said + worse}


def battle(winner: str, judge: str | None = None, at: float | None = None, turned: bool = False) -> Row:
    """Return a row of the arena; ``turned`` shows the models the other way round."""
    models = ("two", "one") if turned else ("one", "two")
    asked = {"role": "user", "content": "Why?"}
    return {
        "question_id": "q1",
        "model_a": models[0],
        "model_b": models[1],
        "winner": winner,
        "conversation_a": [asked, {"role": "assistant", "content": f"by {models[0]}"}],
        "conversation_b": [asked, {"role": "assistant", "content": f"by {models[1]}"}],
        "turn": 1,
        "judge": judge,
        **({} if at is None else {"tstamp": at}),
    }


def ingest(workspace: Workspace, path: Path, rows: Sequence[Row]) -> Ingested:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return steps.ingest_file(workspace, path, publish=True, processes=1)


def answers(workspace: Workspace) -> list[Annotation]:
    with workspace.store.read() as connection:
        return latest_annotations(connection)


def said(workspace: Workspace) -> Counter[tuple[object, ...]]:
    return Counter((each.task_id, *sorted(each.values.items())) for each in answers(workspace))


def exported(workspace: Workspace, folder: Path, table: str, name: str = "dpo") -> list[dict[str, Any]]:
    steps.export(workspace, name, folder, test_share=0)
    return list(load_dataset(str(folder), table, cache_dir=str(folder.parent / "cache"))["train"])


def test_two_of_three_people_decide_though_no_row_has_a_name(workspace: Workspace, tmp_path: Path) -> None:
    rows = [vote("good", "bad"), vote("bad", "good"), vote("good", "bad")]
    found = ingest(workspace, tmp_path / "hh.jsonl", rows)
    assert (found.added, found.duplicates, found.feedback) == (1, 2, 3)
    (pair,) = exported(workspace, tmp_path / "dpo", "trl")
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("good", "bad")
    (row,) = exported(workspace, tmp_path / "dpo", "provenance")
    assert (row["votes_chosen"], row["votes_rejected"], row["n_annotators"]) == (2, 1, 3)
    assert row["agreement"] == pytest.approx(2 / 3)
    assert (row["chosen_shown_first"], row["rejected_shown_first"]) == (0, 0), "the log does not tell"


def test_equal_rows_are_as_many_people(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, tmp_path / "hh.jsonl", [vote("good", "bad")] * 3)
    people = {each.person_id for each in answers(workspace)}
    assert len(people) == 3
    assert all(person.startswith(ANONYMOUS) for person in people)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.permutations(TEXTS).map(lambda texts: vote(texts[0], texts[1])), min_size=2, max_size=9),
    st.randoms(use_true_random=False),
)
def test_a_file_in_any_order_with_any_beginning_stored_before_gives_the_votes_of_its_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], chance: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("raters")
    with Workspace.create(folder / "one") as one, Workspace.create(folder / "other") as other:
        whole = ingest(one, folder / "log.jsonl", rows)
        assert whole.feedback == len(rows) == len(answers(one))
        shuffled = chance.sample(rows, len(rows))
        ingest(other, folder / "begun.jsonl", shuffled[: len(rows) // 2])
        ingest(other, folder / "copy.jsonl", shuffled)
        assert said(one) == said(other)
        assert ingest(one, folder / "again.jsonl", shuffled).feedback == 0
        assert ingest(other, folder / "again.jsonl", rows).feedback == 0
        assert len({each.person_id for each in answers(one)}) == len(rows)


def test_equal_rows_count_across_the_portions_that_are_stored_together(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appending, "BATCH", 2)
    rows = [vote("good", "bad"), vote("bad", "good"), vote("good", "bad")] * 3
    assert ingest(workspace, tmp_path / "hh.jsonl", rows).feedback == 9
    assert ingest(workspace, tmp_path / "hh.jsonl", rows).feedback == 0


@pytest.mark.parametrize("at", [None, 1.7e9])
def test_battles_without_a_judge_are_votes_of_different_people(
    workspace: Workspace, tmp_path: Path, at: float | None
) -> None:
    rows = [battle("model_a", at=at), battle("model_a", at=at), battle("model_a", at=at, turned=True)]
    assert ingest(workspace, tmp_path / "arena.jsonl", rows).feedback == 3
    assert ingest(workspace, tmp_path / "again.jsonl", rows[::-1]).feedback == 0
    (row,) = exported(workspace, tmp_path / "dpo", "provenance")
    assert (row["chosen_models"], row["votes_chosen"], row["votes_rejected"]) == (["one"], 2, 1)
    known = (0, 0) if at is None else (2, 1)  # without a time it is MT-bench
    assert (row["chosen_shown_first"], row["rejected_shown_first"]) == known


def test_a_judge_is_one_person_and_undecided_where_two_votes_of_one_time_differ(
    workspace: Workspace, tmp_path: Path
) -> None:
    rows = [battle("model_a", "ada", 1.7e9), battle("model_b", "ada", 1.7e9)]
    assert ingest(workspace, tmp_path / "arena.jsonl", rows).feedback == 2
    with pytest.raises(NothingToExportError, match="1 answer contradicted by another one of the same person"):
        steps.export(workspace, "dpo", tmp_path / "dpo")
    with workspace.store.read() as connection:
        table = votes(latest_annotations(connection), all_tasks(connection))
    assert list(table["value"]) == ["tie"]
    ingest(workspace, tmp_path / "later.jsonl", [battle("model_b", "ada", 1.7e9 + 1)])
    (row,) = exported(workspace, tmp_path / "dpo", "provenance")
    assert (row["chosen_models"], row["n_annotators"]) == (["two"], 1)


def test_thumbs_of_table_rows_are_by_as_many_people(workspace: Workspace, tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "response": "Because.", "thumb": thumb} for thumb in ("up", "up", "down")]
    found = ingest(workspace, tmp_path / "log.jsonl", rows)
    assert (found.added, found.duplicates, found.feedback) == (1, 2, 3)
    assert ingest(workspace, tmp_path / "log.jsonl", rows).feedback == 0
    (row,) = exported(workspace, tmp_path / "kto", "provenance", "kto")
    assert (row["n_annotators"], row["agreement"]) == (3, pytest.approx(2 / 3))


def test_judgments_of_one_row_are_one_person_s_unless_they_are_about_the_same(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, tmp_path / "hh.jsonl", [vote("good", "bad")])
    (conversation,) = workspace.collection.scan()
    one, two = (message.id for message in conversation.responses())
    before = len(answers(workspace))

    def thumbs(*given: tuple[str, str]) -> tuple[str, tuple[Feedback, ...]]:
        ratings = (Feedback.ratings(None, message, {"thumb": thumb}, None) for message, thumb in given)
        return conversation.id, tuple(rating.of_row() for rating in ratings)

    rows = [
        thumbs((one, "up"), (two, "down")),
        thumbs((one, "up"), (two, "up")),
        thumbs((one, "up"), (one, "up")),
    ]
    for attached in (rows, rows[::-1]):
        keep_feedback(workspace.store, attached, str, NOW, met=Counter())
    found = [each for each in answers(workspace) if "thumb" in each.values]
    assert len(found) == len(answers(workspace)) - before == 6
    assert sorted(Counter(each.person_id for each in found).values()) == [1, 1, 2, 2]


def test_a_rater_without_a_name_of_one_conversation_is_one_person_who_may_change_their_mind(
    workspace: Workspace, tmp_path: Path
) -> None:
    row = {
        "conversation_id": "c1",
        "conversation": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}],
        "model_name": "m",
        "source": "x",
        "conversation_metadata": {"rate": "thumbup"},
    }
    ingest(workspace, tmp_path / "one.jsonl", [row])
    ingest(workspace, tmp_path / "two.jsonl", [row | {"conversation_metadata": {"rate": "thumbdown"}}])
    assert len({each.person_id for each in answers(workspace)}) == 1
    (label,) = exported(workspace, tmp_path / "kto", "trl", "kto")
    assert label["label"] is False


@pytest.mark.parametrize("turned", [False, True])
def test_a_judgment_of_a_chat_that_is_stored_under_another_id_is_one_of_the_stored_chat(
    workspace: Workspace, tmp_path: Path, turned: bool
) -> None:
    judged = [("one", "expert", "model_a"), ("two", "author", "model_a"), ("three", None, "model_b")]
    battles = [{**battle(winner, judge), "question_id": name} for name, judge, winner in judged]
    thumbs = [
        {
            "conversation_id": f"c{number}",
            "conversation": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So."}],
            "model_name": "m",
            "source": "x",
            "conversation_metadata": {"rate": thumb},
        }
        for number, thumb in enumerate(["thumbup", "thumbdown", "thumbup"])
    ]
    for name, rows in (("battles", battles), ("thumbs", thumbs)):
        for place, told in enumerate([rows[::-1] if turned else rows, rows]):
            read = ingest(workspace, tmp_path / f"{name}-{place}.jsonl", told)
            assert (read.added, read.duplicates, read.feedback) == ((1, 2, 3) if place == 0 else (0, 3, 0))
    chats = {chat.id: {it.id for it in chat.messages} for chat in workspace.collection.scan()}
    assert len(chats) == 2
    with workspace.store.read() as connection:
        for task in all_tasks(connection).values():
            assert {*task.message_ids} <= chats[task.conversation_ids[0]]
    found = answers(workspace)
    assert len({each.person_id for each in found}) == len(found) == 6, "nobody speaks for another"
    assert Counter(each.values.get("thumb") for each in found) == {"up": 2, "down": 1, None: 3}
