r"""Measure the SQL search engine at 50,000 records, in the engine and over HTTP.

Run it in an environment that has argilla-sql-search; the tests' has argilla-server, and takes it from a path:

    PYTHONPATH=.:workspaces/servers/plugins/argilla-sql-search/src \
        $(uv run python tests/server_environment.py argilla) bench/sql_search.py [--records 50000] [--runs 7]

Each record has a chat of about 1.5 kB and three metadata properties; 5 people answered 20 % of the records;
every record has two suggestions. A row is the median and the worst of the runs after a first one, which is
shown apart: only there does a text search read and cut the texts into words. CPU is what the whole process
used for one request, SQLite's work included: on a busy machine it says more than the clock. For the routed dataset
PostgreSQL's processes are in it, as a mean. `--only-queue` measures nothing but the annotators' queue. `--database-url`
measures another database than a new SQLite file; one that a former run has filled is used as it is.

Then the dataset is routed: each record is assigned to `--overlap` of `--people` annotators, some of whom ask for
what Argilla's page asks for, each once; a row is the median and the worst of them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Json: TypeAlias = "dict[str, object]"
Scope: TypeAlias = "dict[str, str]"

parser = argparse.ArgumentParser()
parser.add_argument("--records", type=int, default=50_000)
parser.add_argument("--runs", type=int, default=7)
parser.add_argument("--dimensions", type=int, default=128)
parser.add_argument("--people", type=int, default=200)
parser.add_argument("--overlap", type=int, default=3)
parser.add_argument("--only-queue", action="store_true")
parser.add_argument("--database-url")
options = parser.parse_args()

home = tempfile.mkdtemp(prefix="sql-search-bench-")
os.environ |= {"ARGILLA_HOME_PATH": home, "ARGILLA_SEARCH_ENGINE": "sql", "HF_HUB_OFFLINE": "1"}
if options.database_url:
    os.environ["ARGILLA_DATABASE_URL"] = options.database_url

from argilla_sql_search import register  # noqa: E402

register()

import httpx  # noqa: E402
from argilla_server.database import AsyncSessionLocal, async_engine  # noqa: E402
from argilla_server.models import Dataset, Record  # noqa: E402
from argilla_server.search_engine import SearchEngine  # noqa: E402
from sqlalchemy import select, text  # noqa: E402

from bench.sql_search_data import annotators, fill, vocabulary  # noqa: E402

PAGE = 10
ASKED = 40
"""How many of the annotators ask."""


def searches(words: list[str]) -> dict[str, Json]:
    def terms(scope: Scope, *values: str) -> Json:
        return {"type": "terms", "scope": scope, "values": list(values)}

    def between(scope: Scope, ge: float, le: float) -> Json:
        return {"type": "range", "scope": scope, "ge": ge, "le": le}

    metadata = {
        name: {"entity": "metadata", "metadata_property": name} for name in ("model", "turns", "toxicity")
    }
    status = {"entity": "response", "property": "status"}
    response = {"entity": "response", "question": "rating"}
    suggestion = {
        name: {"entity": "suggestion", "question": "label", "property": name}
        for name in ("value", "score", "agent")
    }
    record = {name: {"entity": "record", "property": name} for name in ("status", "inserted_at")}
    common, rare = words[3], words[9000]

    def filters(*some: Json) -> Json:
        return {"filters": {"and": list(some)}}

    def text_of(query: str) -> Json:
        return {"query": {"text": {"q": query}}}

    return {
        "everything, shuffled": {},
        "my pending, shuffled": filters(terms(status, "pending")),
        "my submitted": filters(terms(status, "submitted")),
        "metadata terms": filters(terms(metadata["model"], "beta")),
        "metadata integer range": filters(between(metadata["turns"], 5, 10)),
        "metadata float range": filters(between(metadata["toxicity"], 0.2, 0.4)),
        "response value": filters(terms(response, "4", "5")),
        "suggestion value": filters(terms(suggestion["value"], "helpful")),
        "suggestion score range": filters(between(suggestion["score"], 0.5, 0.7)),
        "suggestion agent": filters(terms(suggestion["agent"], "gpt")),
        "record status": filters(terms(record["status"], "pending")),
        "sort by metadata": {"sort": [{"scope": metadata["toxicity"], "order": "desc"}]},
        "sort by my response": {"sort": [{"scope": response, "order": "desc"}]},
        "sort by suggestion score": {"sort": [{"scope": suggestion["score"], "order": "asc"}]},
        "sort by inserted_at": {"sort": [{"scope": record["inserted_at"], "order": "desc"}]},
        "text: rare word": text_of(rare),
        "text: common word": text_of(common),
        "text: phrase": text_of(f'"{words[3]} {words[5]}"'),
        "text: prefix": text_of("ab*"),
        "text: fuzzy": text_of(f"{words[40]}~1"),
        "text + pending + metadata": {
            **text_of(common),
            **filters(terms(status, "pending"), terms(metadata["model"], "beta")),
        },
        "text + sort by metadata": {
            **text_of(common),
            "sort": [{"scope": metadata["toxicity"], "order": "desc"}],
        },
        "similarity": {"query": {"vector": {"name": "vector", "value": [1.0] * options.dimensions}}},
        "similarity + pending + text": {
            "query": {
                "vector": {"name": "vector", "value": [1.0] * options.dimensions},
                "text": {"q": common},
            },
            **filters(terms(status, "pending")),
        },
    }


async def main() -> None:
    rng = random.Random(7)
    began = time.perf_counter()
    dataset, users = await fill(rng, options.records, options.dimensions)
    filled = time.perf_counter() - began
    words, _ = vocabulary(random.Random(7))
    from argilla_server import app

    print(
        f"{options.records:,} records in {async_engine.dialect.name}, filled in {filled:.0f} s; "
        f"{options.runs} runs; milliseconds",
        flush=True,
    )
    print(
        f"{'':32}{'total':>8}{'first':>9}{'engine':>9}{'worst':>8}{'HTTP':>9}{'worst':>8}{'CPU':>8}",
        flush=True,
    )
    spent: list[float] = []
    engine_class = SearchEngine.registered_classes["sql"]
    for name in (
        "search",
        "similarity_search",
        "get_dataset_progress",
        "get_dataset_user_progress",
        "compute_metrics_for",
    ):
        setattr(engine_class, name, timed(getattr(engine_class, name), spent))
    key = {"X-Argilla-Api-Key": users[0].api_key}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://bench/api", headers=key, timeout=300
    ) as client:
        for name, body in {} if options.only_queue else searches(words).items():
            await report(
                name,
                spent,
                partial(client.post, f"/v1/me/datasets/{dataset.id}/records/search?limit=50", json=body),
            )
        if options.only_queue:
            await routed(client, dataset, words, spent)
            return
        await report("dataset progress", spent, lambda: client.get(f"/v1/datasets/{dataset.id}/progress"))
        await report("my progress", spent, lambda: client.get(f"/v1/me/datasets/{dataset.id}/metrics"))
        properties = (await client.get(f"/v1/me/datasets/{dataset.id}/metadata-properties")).json()["items"]
        for item in properties:
            await report(
                f"metrics of {item['name']}",
                spent,
                partial(client.get, f"/v1/metadata-properties/{item['id']}/metrics"),
            )
        if options.people:
            await routed(client, dataset, words, spent)


async def routed(client: httpx.AsyncClient, dataset: Dataset, words: list[str], spent: list[float]) -> None:
    """Assign the records over the API and measure what the annotators' pages ask for."""
    people = await annotators(dataset, options.people)
    async with AsyncSessionLocal() as session:
        records = list(await session.scalars(select(Record.id).where(Record.dataset_id == dataset.id)))
    there = (await client.get(f"/v1/datasets/{dataset.id}/assignments?limit=1")).json()["total"]
    rng, began = random.Random(7), time.perf_counter()
    rng.shuffle(records)
    rows = [
        {
            "record_id": str(record),
            "user_id": str(people[(number + turn) % len(people)].id),
            "position": number,
        }
        for turn in range(options.overlap)
        for number, record in enumerate(records)
    ]
    for start in range(0, 0 if there else len(rows), 1000):
        answer = await client.put(
            f"/v1/datasets/{dataset.id}/assignments", json={"items": rows[start : start + 1000]}
        )
        answer.raise_for_status()
    (await client.put(f"/v1/datasets/{dataset.id}/routing", json={"routed": True})).raise_for_status()
    if async_engine.dialect.name == "postgresql":
        async with AsyncSessionLocal() as session:
            await session.execute(text("ANALYZE"))
            await session.commit()
    print(
        f"\nrouted to {len(people)} annotators, {len(rows) / len(people):,.0f} records each: {len(rows):,} "
        f"assignments written in {time.perf_counter() - began:.0f} s; pages of {PAGE}; {ASKED} annotators"
    )
    print(f"{'':32}{'total':>8}{'':9}{'engine':>9}{'worst':>8}{'HTTP':>9}{'worst':>8}{'CPU':>8}")
    path = f"/v1/me/datasets/{dataset.id}/records/search?limit={PAGE}"
    waiting = [
        {"type": "terms", "scope": {"entity": entity, "property": "status"}, "values": ["pending"]}
        for entity in ("response", "record")
    ]
    bodies: dict[str, Json] = {"the queue": {"filters": {"and": waiting}}, **searches(words)}
    bodies = {name: body for name, body in bodies.items() if name != "suggestion agent"}
    requests: dict[str, tuple[str, str, Json | None]] = {
        name: ("POST", path, body) for name, body in bodies.items()
    }
    if options.only_queue:
        requests = {"the queue": requests["the queue"], "the queue again": requests["the queue"]}
    requests["dataset progress"] = "GET", f"/v1/datasets/{dataset.id}/progress", None
    requests["my progress"] = "GET", f"/v1/me/datasets/{dataset.id}/metrics", None
    requests["suggestions of a record"] = "GET", "/v1/records/{record}/suggestions", None
    requests["an answer"] = "POST", "/v1/me/responses/bulk", None
    first = {row["user_id"]: row["record_id"] for row in reversed(rows)}
    for name, (method, where, body) in requests.items():
        asked: list[tuple[Callable[..., Awaitable[httpx.Response]], dict[str, str]]] = []
        for person in people[:ASKED]:
            record = first[str(person.id)]
            if name == "an answer":
                body = {"items": [{"record_id": record, "values": {}, "status": "draft"}]}
            request = partial(client.request, method, where.format(record=record), json=body)
            asked.append((request, {"X-Argilla-Api-Key": person.api_key}))
        await report_each(name, spent, asked)


async def postmaster() -> int | None:
    """Return the process whose children serve the connections; None where the database is no server."""
    if async_engine.dialect.name != "postgresql":
        return None
    async with AsyncSessionLocal() as session:
        backend = await session.scalar(text("SELECT pg_backend_pid()"))
    return int(stat_of(str(backend))[1])


def stat_of(pid: str) -> list[str]:
    """Return what Linux says of a process, from its state on; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def processor_of(server: int | None) -> float:
    """Return the seconds of processor that the children of a process used."""
    if server is None:
        return 0.0
    stats = [stat_of(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    ticks = sum(int(it[11]) + int(it[12]) for it in stats if it and int(it[1]) == server)
    return ticks / os.sysconf("SC_CLK_TCK")


async def report_each(
    name: str,
    spent: list[float],
    requests: list[tuple[Callable[..., Awaitable[httpx.Response]], dict[str, str]]],
) -> None:
    engine, http, cpu = [], [], []
    server = await postmaster()
    there = processor_of(server)
    for request, headers in requests:
        spent.clear()
        began, used = time.perf_counter(), time.process_time()
        response = await request(headers=headers)
        http.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
        response.raise_for_status()
        engine.append(sum(spent))
    total = response.json().get("total", "")
    database = (processor_of(server) - there) * 1000 / len(requests)
    cpu = [it + database for it in cpu]
    print(
        f"{name:32}{total:>8}{'':9}{statistics.median(engine):>9.0f}{max(engine):>8.0f}"
        f"{statistics.median(http):>9.0f}{max(http):>8.0f}{statistics.median(cpu):>8.0f}",
        flush=True,
    )


def timed(method: Callable[..., Awaitable[object]], spent: list[float]) -> Callable[..., Awaitable[object]]:
    async def call(*args: object, **kwargs: object) -> object:
        began = time.perf_counter()
        try:
            return await method(*args, **kwargs)
        finally:
            spent.append((time.perf_counter() - began) * 1000)

    return call


async def report(name: str, spent: list[float], request: Callable[[], Awaitable[httpx.Response]]) -> None:
    engine, http, cpu = [], [], []
    for _ in range(options.runs + 1):
        spent.clear()
        began, used = time.perf_counter(), time.process_time()
        response = await request()
        http.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
        response.raise_for_status()
        engine.append(sum(spent))
    total = response.json().get("total", "")
    print(
        f"{name:32}{total:>8}{engine[0]:>9.0f}{statistics.median(engine[1:]):>9.0f}{max(engine[1:]):>8.0f}"
        f"{statistics.median(http[1:]):>9.0f}{max(http[1:]):>8.0f}{statistics.median(cpu[1:]):>8.0f}",
        flush=True,
    )


if __name__ == "__main__":
    asyncio.run(main())
