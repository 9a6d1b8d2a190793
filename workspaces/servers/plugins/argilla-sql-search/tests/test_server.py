"""Searches on a real Argilla server."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from rq import Queue
from rq.registry import FailedJobRegistry, FinishedJobRegistry
from running import START_SECONDS

if TYPE_CHECKING:
    from running import Server

Json = dict[str, Any]

OPTIONS = [{"value": value, "text": value} for value in ("yes", "no", "maybe")]
QUESTIONS: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "use_markdown": False},
    "rating": {"type": "rating", "options": [{"value": value} for value in range(1, 6)]},
    "label": {"type": "label_selection", "options": OPTIONS},
    "multi": {"type": "multi_label_selection", "options": OPTIONS, "visible_options": 3},
    "ranking": {"type": "ranking", "options": OPTIONS},
    "span": {
        "type": "span",
        "field": "prompt",
        "options": OPTIONS,
        "allow_overlapping": False,
        "visible_options": 3,
    },
}


@pytest.fixture(scope="module")
def dataset(server: Server) -> str:
    """A published dataset with every type of question, 30 records, and answers of two people."""
    workspace = server.call("POST", "/workspaces", json={"name": f"workspace-{secrets.token_hex(4)}"})
    distribution = {"strategy": "overlap", "min_submitted": 1}
    body = {"name": "everything", "workspace_id": workspace["id"], "distribution": distribution}
    dataset = server.call("POST", "/datasets", json=body)
    path = f"/datasets/{dataset['id']}"
    for name, settings in {
        "prompt": {"type": "text", "use_markdown": False},
        "chat": {"type": "chat", "use_markdown": True},
    }.items():
        server.call(
            "POST",
            f"{path}/fields",
            json={"name": name, "title": name, "required": False, "settings": settings},
        )
    questions = {}
    for name, settings in QUESTIONS.items():
        required = name == "rating"
        body = {"name": name, "title": name, "required": required, "settings": settings}
        questions[name] = server.call("POST", f"{path}/questions", json=body)["id"]
    for name, kind in {"model": "terms", "turns": "integer", "toxicity": "float"}.items():
        body = {"name": name, "title": name, "settings": {"type": kind}, "visible_for_annotators": True}
        server.call("POST", f"{path}/metadata-properties", json=body)
    server.call("POST", f"{path}/vectors-settings", json={"name": "vector", "title": "-", "dimensions": 2})
    server.call("PUT", f"{path}/publish")
    items = [
        {
            "fields": {
                "prompt": f"Number {number}, the quick fox",
                "chat": [{"role": "user", "content": f"chat {number}"}],
            },
            "metadata": {"model": ["alpha", "beta"][number % 2], "turns": number, "toxicity": number / 10},
            "external_id": f"record-{number}",
            "suggestions": [
                {"question_id": questions["label"], "value": "yes", "score": number / 30, "agent": "gpt"}
            ],
            "vectors": {"vector": [number, 10]},
        }
        for number in range(30)
    ]
    records = server.call("POST", f"{path}/records/bulk", json={"items": items})["items"]
    for who, places, status in (
        ("ann", range(10), "submitted"),
        ("bob", range(5, 8), "draft"),
        ("bob", [8], "discarded"),
    ):
        for place in places:
            values = {
                "text": {"value": "fine"},
                "rating": {"value": place % 5 + 1},
                "label": {"value": "no"},
                "multi": {"value": ["yes", "maybe"]},
                "ranking": {
                    "value": [
                        {"value": option["value"], "rank": rank} for rank, option in enumerate(OPTIONS, 1)
                    ]
                },
                "span": {"value": [{"label": "yes", "start": 0, "end": 6}]},
            }
            server.call(
                "POST",
                f"/records/{records[place]['id']}/responses",
                who,
                json={"values": values, "status": status},
            )
    return str(dataset["id"])


class Find(Protocol):
    def __call__(
        self,
        who: str = "ann",
        query: Json | None = None,
        filters: list[Json] | None = None,
        sort: list[Json] | None = None,
        mine: bool = True,
        **parameters: int,
    ) -> tuple[list[int], int]: ...


@pytest.fixture
def find(server: Server, dataset: str) -> Find:
    """Searches as one person; returns the numbers of the records found and the total."""

    def search(
        who: str = "ann",
        query: Json | None = None,
        filters: list[Json] | None = None,
        sort: list[Json] | None = None,
        mine: bool = True,
        **parameters: int,
    ) -> tuple[list[int], int]:
        body = {"query": query, "filters": {"and": filters} if filters else None, "sort": sort}
        path = f"{'/me' if mine else ''}/datasets/{dataset}/records/search"
        answer = server.call(
            "POST", path, who, json={k: v for k, v in body.items() if v}, params={"limit": 100, **parameters}
        )
        return [int(item["record"]["external_id"].split("-")[1]) for item in answer["items"]], answer["total"]

    return search


def terms(scope: Json, *values: object) -> Json:
    return {"type": "terms", "scope": scope, "values": list(values)}


STATUS = {"entity": "response", "property": "status"}


def test_the_server_says_what_answers_its_searches(server: Server) -> None:
    assert server.call("GET", "/status")["search_engine"]["name"] == "sql"


def test_everyone_sees_their_own_pending_records_in_their_own_order(find: Find) -> None:
    for who, answered in (("ann", range(10)), ("bob", range(5, 9)), ("owner", [])):
        numbers, total = find(who, filters=[terms(STATUS, "pending")])
        assert sorted(numbers) == sorted(set(range(30)) - set(answered))
        assert total == len(numbers)
        pages = [
            find(who, filters=[terms(STATUS, "pending")], limit=7, offset=offset)[0]
            for offset in range(0, 35, 7)
        ]
        assert list(itertools.chain(*pages)) == numbers
    assert find("ann")[0] != find("bob")[0]
    assert sorted(find("bob", filters=[terms(STATUS, "draft", "discarded")])[0]) == [5, 6, 7, 8]


def test_filters_sorting_and_words_work_over_http(find: Find) -> None:
    assert sorted(find(query={"text": {"q": '"quick fox" 7'}})[0]) == [7]
    assert sorted(
        find(query={"text": {"q": "chat -7", "field": "chat"}}, filters=[terms(STATUS, "submitted")])[0]
    ) == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    model = {"entity": "metadata", "metadata_property": "model"}
    turns = {"entity": "metadata", "metadata_property": "turns"}
    between = {"type": "range", "scope": turns, "ge": 10, "le": 13}
    assert find(filters=[terms(model, "beta"), between], sort=[{"scope": turns, "order": "desc"}]) == (
        [13, 11],
        2,
    )
    rating = {"entity": "response", "question": "rating"}
    assert sorted(find(filters=[terms(rating, 5)])[0]) == [4, 9]
    assert find(sort=[{"scope": rating, "order": "desc"}, {"scope": turns, "order": "asc"}], limit=4)[0] == [
        4,
        9,
        3,
        8,
    ]
    assert sorted(
        find("owner", mine=False, filters=[terms({"entity": "response", "question": "multi"}, "maybe")])[0]
    ) == list(range(10))
    assert find(filters=[terms({"entity": "response", "question": "text"}, "fine")])[1] == 0
    score = {"entity": "suggestion", "question": "label", "property": "score"}
    assert find(sort=[{"scope": score, "order": "desc"}], limit=2)[0] == [29, 28]
    assert find(query={"vector": {"name": "vector", "value": [0, 1]}}, limit=3) == ([0, 1, 2], 3)


def test_progress_counts_what_everyone_did(server: Server, dataset: str) -> None:
    progress = server.call("GET", f"/datasets/{dataset}/progress")
    assert (progress["total"], progress["completed"], progress["pending"]) == (30, 10, 20)
    mine = {
        who: server.call("GET", f"/me/datasets/{dataset}/metrics", who)["responses"]
        for who in ("ann", "bob", "owner")
    }
    assert mine["ann"] == {"total": 30, "submitted": 10, "discarded": 0, "draft": 0, "pending": 20}
    assert mine["bob"] == {"total": 30, "submitted": 0, "discarded": 1, "draft": 3, "pending": 26}
    assert mine["owner"]["pending"] == 30
    properties = server.call("GET", f"/me/datasets/{dataset}/metadata-properties")["items"]
    metrics = {
        item["name"]: server.call("GET", f"/metadata-properties/{item['id']}/metrics") for item in properties
    }
    assert metrics["model"]["values"] == [{"term": "alpha", "count": 15}, {"term": "beta", "count": 15}]
    assert (metrics["turns"]["min"], metrics["turns"]["max"]) == (0, 29)


def test_bad_requests_are_answered_as_with_elasticsearch(server: Server, dataset: str) -> None:
    turns = {"entity": "metadata", "metadata_property": "turns"}
    client, path = server.clients["ann"], f"/me/datasets/{dataset}/records/search"
    # Argilla checks names itself (422); what only Elasticsearch can refuse (its 400) becomes a 500.
    for body, status in (
        ({"filters": {"and": [terms({"entity": "metadata", "metadata_property": "nothing"}, "x")]}}, 422),
        ({"query": {"text": {"q": "x", "field": "nothing"}}}, 422),
        ({"filters": {"and": [terms(turns, "many")]}}, 500),
        ({"sort": [{"scope": {"entity": "response", "question": "label"}, "order": "asc"}]}, 500),
    ):
        assert client.post(path, json=body).status_code == status


def test_a_job_of_the_worker_uses_the_engine(server: Server) -> None:
    workspace = server.call("POST", "/workspaces", json={"name": f"workspace-{secrets.token_hex(4)}"})
    dataset = server.call("POST", "/datasets", json={"name": "jobs", "workspace_id": workspace["id"]})
    path = f"/datasets/{dataset['id']}"
    server.call(
        "POST",
        f"{path}/fields",
        json={
            "name": "prompt",
            "title": "-",
            "required": True,
            "settings": {"type": "text", "use_markdown": False},
        },
    )
    question = {"name": "rating", "title": "-", "required": True, "settings": QUESTIONS["rating"]}
    server.call("POST", f"{path}/questions", json=question)
    server.call("PUT", f"{path}/publish")
    server.call("POST", f"{path}/records/bulk", json={"items": [{"fields": {"prompt": "one"}}]})
    server.call("PATCH", path, json={"distribution": {"strategy": "overlap", "min_submitted": 2}})
    queue = Queue("default", connection=server.jobs)
    deadline = time.monotonic() + START_SECONDS
    while not FinishedJobRegistry(queue=queue).count:
        assert not FailedJobRegistry(queue=queue).count
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert not FailedJobRegistry(queue=queue).count
