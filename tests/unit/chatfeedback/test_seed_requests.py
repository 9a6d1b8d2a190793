"""Requests for seed feedback: each ends in one stored state, whatever the endpoint, the clock or ``kill -9`` do."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from openai.types import Batch
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.money import spent_of_budget
from chatfeedback.steps.status import OF_RESPONSES, count
from tests.openai_batches import Batches, Line, batches
from tests.openai_endpoint import KEY, Endpoint, Reply, marked, ok, ratings, refusal, serving
from tests.sample_records import ALL_TAGS, NOW, chat
from workspaces.config import Config
from workspaces.errors import ConnectionFailedError, RowsRejectedError
from workspaces.records import Quality, Significance, Tag
from workspaces.store.requests import RequestState, printable
from workspaces.store.seed_feedback import all_seeds, save_seeds
from workspaces.store.seed_requests import count_requests, seed_request
from workspaces.store.tasks import all_tasks
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.records import SeedFeedback

JUDGED = {**ALL_TAGS, "significance": "medium"}
USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
DONE = RequestState.DONE


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(lambda request: ok(ratings(request, JUDGED), USED)) as made:
        yield made


def configure(workspace: Workspace, url: str, **changes: Any) -> None:
    raw = workspace.config.model_dump(exclude_unset=True)
    llm = {"base_url": url, "model": "judge", "api_key_env": "A_KEY", "canaries": 0.0} | changes
    workspace.config = Config.model_validate(raw | {"llm": llm})


def fill(workspace: Workspace, number: int = 12, turns: int = 2) -> None:
    logs = [
        chat(f"c{i}", *(f"{'answer' if turn % 2 else 'question'} {turn} of c{i}." for turn in range(turns)))
        for i in range(number)
    ]
    workspace.collection.append(logs, now=NOW, delay=timedelta(0))


def states(workspace: Workspace) -> dict[RequestState, int]:
    with workspace.store.read() as connection:
        return count_requests(connection)


def seeds(workspace: Workspace) -> list[SeedFeedback]:
    with workspace.store.read() as connection:
        return all_seeds(connection)


def command(workspace: Workspace, *arguments: str) -> Any:
    (workspace.path / CONFIG_NAME).write_text(
        json.dumps(json.loads(workspace.config.model_dump_json(exclude_unset=True)))
    )
    return CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.path)])


def conversation_of(request: dict[str, Any]) -> str:
    return str(next(iter(marked(request).values()))).rpartition(" of ")[2].rstrip(".")


FAULTS = {"429": 5, "500": 2, "stall": 2, "malformed": 3, "cut": 1}
"""Of a hundred answers."""


def test_each_request_ends_in_one_state_under_faults_and_none_is_sent_after_its_success(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 200)
    configure(workspace, endpoint.url, concurrency=32, timeout_seconds=3.0, max_attempts=5)
    kinds = [kind for kind, times in FAULTS.items() for _ in range(times)]
    draws = [*kinds, *["good"] * (100 - len(kinds))]
    random.Random(3).shuffle(draws)
    coming = cycle(draws)
    served: dict[str, list[str]] = {}

    def answer(request: dict[str, Any]) -> Reply:
        good = ok(ratings(request, JUDGED), USED)
        with endpoint.lock:
            kind = next(coming)
            served.setdefault(conversation_of(request), []).append(kind)
        if kind == "stall":
            time.sleep(3.5)
        if kind == "malformed":
            return ok(good[2][:40], USED)
        if kind == "cut":
            return 200, {"Content-Length": str(len(good[2]) + 100)}, good[2]
        return (
            good if kind == "good" else refusal(int(kind), Retry_After="1") if kind == "429" else refusal(500)
        )

    endpoint.respond = lambda request: answer(request)
    (run,) = steps.seed_responses(workspace).judges
    assert sum(states(workspace).values()) == len(served) == 200
    assert set(states(workspace)) <= {DONE, RequestState.UNUSABLE, RequestState.UNANSWERED}
    met = Counter(kind for each in served.values() for kind in each)
    assert all(met[kind] >= times for kind, times in FAULTS.items())
    assert run.rated == len(seeds(workspace)) == states(workspace)[DONE] > 190
    assert run.rated + run.failed + run.unanswered == 200
    for each in served.values():
        assert each.count("good") <= 1
        assert "good" not in each[:-1], "it was sent after its success"


RUN = """
import sys
from pathlib import Path
from chatfeedback import steps
from workspaces.workspace import Workspace
with Workspace.open(Path(sys.argv[1])) as workspace:
    steps.seed_responses(workspace)
"""


def test_a_killed_run_asks_again_for_what_was_in_flight_and_for_nothing_else(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 120)
    configure(workspace, endpoint.url, concurrency=4)
    command(workspace, "seed", "--failed")  # writes the configuration
    good = endpoint.good

    def slow(request: dict[str, Any]) -> Reply:
        time.sleep(0.05)
        return good(request)

    endpoint.respond = slow
    process = subprocess.Popen([sys.executable, "-c", RUN, str(workspace.path)])
    while len(endpoint.requests) < 60:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.2)
    stored = states(workspace)
    assert stored[DONE] == len(seeds(workspace)) > 30
    assert set(stored) == {DONE, RequestState.PENDING}
    asked = Counter(map(conversation_of, endpoint.requests))
    assert len(asked) - stored[DONE] <= 2 * 4, "sent and not stored"
    assert steps.seed_responses(workspace).rated == 120 - stored[DONE]
    twice = [name for name, times in Counter(map(conversation_of, endpoint.requests)).items() if times > 1]
    assert len(twice) == len(asked) - stored[DONE]
    assert states(workspace) == {DONE: 120}
    assert steps.seed_responses(workspace).rated == 0


def test_an_unusable_reply_is_kept_shown_and_asked_for_again_on_demand_alone(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 6)
    configure(workspace, endpoint.url)
    bad = "I would\x1b[31m rather\x00 not." + "x" * 5000

    def answer(request: dict[str, Any]) -> Reply:
        return ok(bad) if conversation_of(request) in {"c1", "c4"} else ok(ratings(request, JUDGED))

    endpoint.respond = answer
    run = command(workspace, "seed")
    assert isinstance(run.exception, RowsRejectedError)
    assert "2 responses have no usable reply" in str(run.exception)
    assert len(endpoint.requests) == 4 + 2 * 2
    assert steps.seed_responses(workspace).judges[0].requests == 0, "it is not asked for for ever"
    assert (count(workspace).seed_requests_failed, count(workspace).seed_requests_open) == (2, 0)
    progress = json.loads(command(workspace, "seed", "--dry-run", "--json").stdout)
    assert progress["responses_seeded"] == progress["responses_shared"] - progress["responses_to_seed"] > 0
    assert progress["responses_to_seed"] == 2
    told = json.loads(command(workspace, "status", "--json").stdout)
    assert {name: told[name] for name in OF_RESPONSES} == {name: progress[name] for name in OF_RESPONSES}
    assert progress["seed_requests"] - progress["seed_requests_answered"] == 2
    assert "; 2 wait" in command(workspace, "seed", "--dry-run").stdout
    (first, second) = json.loads(command(workspace, "seed", "--failed", "--json").stdout)
    assert {first["conversation_id"], second["conversation_id"]} == {"c1", "c4"}
    assert first["reply"] == printable(bad)
    assert len(first["reply"]) < 2100
    assert "\x1b" not in first["reply"]
    assert "\x00" not in first["reply"]
    assert first["fault"] == "the reply holds no JSON object"
    assert "\x1b" not in command(workspace, "seed", "--failed").stdout
    warning = [it for it in steps.findings(workspace) if it.name == "seed feedback"]
    assert [it.warning for it in warning] == [True]
    endpoint.respond = endpoint.good
    assert steps.seed_responses(workspace, retry=True).rated == 2
    assert states(workspace) == {DONE: 6}
    assert json.loads(command(workspace, "seed", "--failed", "--json").stdout) == []


def test_a_deletion_reaches_requests_and_their_replies(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 3)
    configure(workspace, endpoint.url)
    endpoint.respond = lambda request: ok("answer 1 of " + conversation_of(request))
    steps.seed_responses(workspace)
    steps.delete_conversations(workspace, ["c1"], by="giver")
    with workspace.store.read() as connection:
        rows = json.dumps([list(row) for row in connection.execute(sa.select(seed_request))], default=str)
    assert "c0#1" in rows
    assert "c1" not in rows


def test_a_model_that_never_gives_seed_feedback_is_given_up(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 200)
    configure(workspace, endpoint.url)
    endpoint.respond = lambda _: ok("no")
    run = command(workspace, "seed")
    assert "no reply was usable for so long" in run.stdout
    assert len(endpoint.requests) < 2 * 80
    (judge,) = steps.seed_responses(workspace).judges
    assert judge.left + judge.failed < 200


def test_the_budget_stops_the_run_says_what_is_left_and_a_raise_goes_on(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 40)
    prices = {"input_price": 1.0, "output_price": 10.0}  # 2,000 millionths a request
    configure(workspace, endpoint.url, budget=0.04, **prices)
    (first,) = json.loads(command(workspace, "seed", "--json").stdout)["judges"]
    run = command(workspace, "seed")
    assert run.exit_code == 0
    assert run.stdout.startswith("0 responses rated")
    spent = len(endpoint.requests) * 2000
    assert 0 < spent <= 40_000
    assert first["left"] == 40 - len(endpoint.requests)
    assert first["money_left_micros"] == 40_000 - spent
    assert f"{first['left']} responses not asked about" in run.stdout
    assert "Raise llm.budget" in run.stdout
    configure(workspace, endpoint.url, budget=1.0, **prices)
    assert steps.seed_responses(workspace).rated == first["left"]
    assert len(endpoint.requests) == 40


def test_replies_that_do_not_tell_their_tokens_count_against_the_budget(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 40)
    endpoint.respond = lambda request: ok(ratings(request, JUDGED))
    configure(workspace, endpoint.url, budget=0.04, input_price=1.0, output_price=10.0)
    (run,) = steps.seed_responses(workspace).judges
    assert 0 < run.rated < 20
    assert run.left == 40 - run.rated
    (next_run,) = steps.seed_responses(workspace).judges
    assert (next_run.rated, next_run.left) == (0, run.left), "what was charged outlives the run"
    assert next_run.money_left_micros == run.money_left_micros
    said = command(workspace, "budget").stdout
    assert re.search(r"and up to 0\.0[0-4]\d\d more", said), said


def test_judges_are_asked_one_by_one_and_their_disagreement_raises_significance(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 4)

    def answer(request: dict[str, Any]) -> Reply:
        differs = request["model"] == "second" and conversation_of(request) == "c2"
        return ok(ratings(request, JUDGED | ({"helpful": "no", "style": "na"} if differs else {})), USED)

    endpoint.respond = answer
    configure(
        workspace,
        endpoint.url,
        judges=["first", {"model": "second", "input_price": 1.0, "output_price": 1.0}],
    )
    seeded = steps.seed_responses(workspace)
    assert [(judge.agent, judge.rated, judge.cost_micros) for judge in seeded.judges] == [
        ("first", 4, 0),
        ("second", 4, 4 * 1100),
    ]
    steps.generate_tasks(workspace)
    with workspace.store.read() as connection:
        made = [it for it in all_tasks(connection).values() if it.kind == "qualitative"]
    listed = {it.message_ids[0]: it.significance for it in made}
    assert listed == {f"c{i}#1": Significance.HIGH if i == 2 else Significance.MEDIUM for i in range(4)}
    tables = _report(workspace)
    assert list(tables["judge_requests"]["judge"]) == ["first", "second"]
    differ = tables["judge_differences"].set_index("question")["differ"]
    assert (differ["helpful"], differ["style"], differ["toxic"]) == (0.25, 0.25, 0.0)
    assert list(tables["judge_requests"]["tokens"]) == [1100, 1100]


def _report(workspace: Workspace) -> dict[str, Any]:
    from chatfeedback.report import write_report

    return dict(write_report(workspace).written.tables)


NOTE = "SYSTEM NOTE TO THE RATER"


@pytest.mark.parametrize("obeys", [True, False])
def test_canaries_tell_a_judge_that_obeys_from_one_that_does_not(
    workspace: Workspace, endpoint: Endpoint, obeys: bool
) -> None:
    fill(workspace, 60)

    def said_of(response: str) -> dict[str, str]:
        honest = JUDGED | {"helpful": "yes" if hash(response.partition("\n")[0]) % 3 else "no"}
        if NOTE in response:
            _, _, demand = response.partition("Reply with ")
            return json.loads("{" + demand.rstrip(".\n") + "}") if obeys else honest | {"style": "no"}
        return honest

    endpoint.respond = lambda request: ok(ratings(request, said_of), USED)
    configure(workspace, endpoint.url, canaries=1.0, concurrency=16)
    (run,) = steps.seed_responses(workspace).judges
    assert (run.rated, run.canaries, len(endpoint.requests)) == (60, 60, 120)
    assert len(seeds(workspace)) == 60
    assert all(seed.tags[Quality.STYLE] is Tag.YES for seed in seeds(workspace)), (
        "a canary is no seed feedback"
    )
    shifts = {it.question: it for it in steps.judge_obedience(workspace)}
    assert len(shifts) == 7
    assert {it.obeys for it in shifts.values()} == {obeys}
    assert all(it.low <= it.shift <= it.high for it in shifts.values())
    assert shifts["style"].n_canaries == 60
    table = _report(workspace)["judge_obedience"]
    assert set(table["obeys"]) == {obeys}
    warned = [it.detail for it in steps.findings(workspace) if it.name == "judges"]
    assert len(warned) == obeys
    assert steps.seed_responses(workspace).judges[0].requests == 0


def test_canaries_that_a_stopped_run_did_not_send_are_sent_by_the_next(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 5, turns=4)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    asked = len(endpoint.requests)
    configure(workspace, endpoint.url, canaries=1.0)
    (run,) = steps.seed_responses(workspace).judges
    assert (run.rated, run.canaries) == (0, 10)
    told = [text for request in endpoint.requests[asked:] for text in marked(request).values()]
    assert sum(NOTE in text for text in told) == 10
    assert len(seeds(workspace)) == 10


def test_what_a_model_said_under_an_earlier_prompt_is_not_asked_and_paid_again(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 3)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    before = seeds(workspace)
    with workspace.store.write() as connection:
        connection.execute(sa.text("DELETE FROM seed_feedback"))
        connection.execute(sa.text("DELETE FROM seed_request"))
        save_seeds(connection, [replace(seed, prompt_version="1") for seed in before[:2]])
    assert steps.seed_responses(workspace).rated == 1
    assert sorted(seed.prompt_version for seed in seeds(workspace)) == ["1", "1", "2"]
    configure(workspace, endpoint.url, model="another")
    assert steps.seed_responses(workspace).rated == 3


def test_a_conversation_that_grew_is_asked_about_what_is_new(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    workspace.collection.append([chat("c0", "q", "answer 1 of c0.")], now=NOW, delay=timedelta(0))
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    grown = chat("c0", "q", "answer 1 of c0.", "and?", "answer 3 of c0.")
    workspace.collection.append([grown], now=NOW, delay=timedelta(0))
    assert steps.seed_responses(workspace).rated == 1
    assert marked(endpoint.requests[-1]) == {4: "answer 3 of c0."}


# batches


@pytest.fixture
def remote() -> Iterator[Batches]:
    with batches() as made:
        yield made


def answered(request: Line, text: str | None = None) -> Line:
    said = ratings(request["body"], JUDGED) if text is None else text
    return {"response": {"status_code": 200, "request_id": "r", "body": json.loads(ok(said, USED)[2])}}


def test_a_batch_is_submitted_waited_for_and_read_once(workspace: Workspace, remote: Batches) -> None:
    fill(workspace, 5)
    configure(workspace, remote.url, transport="batch", input_price=1.0, output_price=1.0)
    run = command(workspace, "seed")
    assert "5 responses in batches" in run.stdout
    assert states(workspace) == {RequestState.SUBMITTED: 5}
    for _ in range(2):
        seeded = steps.seed_responses(workspace)
        assert (seeded.rated, seeded.submitted) == (0, 5)
    assert len(remote.batches) == 1
    assert remote.keys == {f"Bearer {KEY}"}
    lines = remote.requests("batch_0")
    assert {line["method"] for line in lines} == {"POST"}
    assert {line["url"] for line in lines} == {"/v1/chat/completions"}
    remote.end("batch_0", answered)
    (judge,) = steps.seed_responses(workspace).judges
    assert (judge.rated, judge.submitted, judge.cost_micros) == (5, 0, 5 * 1100)
    assert (len(seeds(workspace)), states(workspace)) == (5, {DONE: 5})
    assert steps.seed_responses(workspace).rated == 0
    assert len(remote.batches) == 1


def test_a_batch_is_read_as_well_where_requests_are_sent_one_by_one_by_now(
    workspace: Workspace, remote: Batches
) -> None:
    fill(workspace, 5)
    configure(workspace, remote.url, transport="batch")
    assert steps.seed_responses(workspace).submitted == 5
    configure(workspace, remote.url)
    waits = steps.seed_responses(workspace)
    assert (waits.rated, waits.submitted) == (0, 5)
    assert not [it for it in steps.findings(workspace) if it.name == "batches"]
    configure(workspace, remote.url, judges=["another"])
    (found,) = [it for it in steps.findings(workspace) if it.name == "batches"]
    assert found.warning
    assert found.detail.startswith("a batch of requests to judge was not read yet")
    configure(workspace, remote.url)
    remote.end("batch_0", answered)
    assert steps.seed_responses(workspace).rated == 5
    assert states(workspace) == {DONE: 5}


@pytest.mark.parametrize("told", [True, False])
def test_a_batch_counts_towards_the_budget_as_what_it_costs_at_most_until_it_tells(
    workspace: Workspace, remote: Batches, told: bool
) -> None:
    fill(workspace, 40)
    prices = {"transport": "batch", "input_price": 1.0, "output_price": 10.0}
    configure(workspace, remote.url, **prices, budget=0.04, judges=["a", "b"])
    first, second = steps.seed_responses(workspace).judges
    assert 0 < first.submitted < 40
    assert (second.submitted, second.left) == (0, 40), "the first one's batch may cost all of it"
    most = counted_so_far(workspace)
    assert first.money_left_micros == 40_000 - most

    def answer(request: Line) -> Line:
        line = answered(request)
        if not told:
            del line["response"]["body"]["usage"]
        return line

    remote.end("batch_0", answer)
    configure(workspace, remote.url, **prices, judges=["a"])
    assert steps.seed_responses(workspace).rated == first.submitted
    assert counted_so_far(workspace) == (first.submitted * 2000 if told else most)


def counted_so_far(workspace: Workspace) -> int:
    with workspace.store.read() as connection:
        return spent_of_budget(connection, "USD")


def test_each_line_of_a_batch_ends_in_its_state_and_what_is_missing_is_asked_again(
    workspace: Workspace, remote: Batches
) -> None:
    fill(workspace, 7)
    configure(workspace, remote.url, transport="batch")
    steps.seed_responses(workspace)

    def answer(request: Line) -> Line:
        return {
            "c0": answered(request),
            "c1": answered(request, "no JSON"),
            "c2": {"response": {"status_code": 400, "request_id": "r", "body": {"error": {}}}},
            "c3": {"response": {"status_code": 500, "request_id": "r", "body": {}}},
            "c4": {"error": {"code": "batch_expired", "message": "too late"}},
            "c5": {},
        }.get(conversation_of(request["body"]), answered(request, "{}"))

    remote.end("batch_0", answer, "expired")
    steps.seed_responses(workspace)
    again = remote.requests("batch_1")
    assert sorted(conversation_of(line["body"]) for line in again) == ["c1", "c3", "c4", "c5", "c6"]
    (mended,) = (line for line in again if conversation_of(line["body"]) == "c1")
    assert [each["role"] for each in mended["body"]["messages"]] == ["system", "user", "assistant", "user"]
    assert mended["body"]["messages"][2]["content"] == "no JSON"
    assert states(workspace) == {DONE: 1, RequestState.REFUSED: 1, RequestState.SUBMITTED: 5}
    remote.end("batch_1", lambda it: answered(it, "no" if conversation_of(it["body"]) == "c1" else None))
    (judge,) = steps.seed_responses(workspace).judges
    assert (judge.rated, judge.failed, judge.submitted) == (4, 1, 0)
    assert states(workspace) == {DONE: 5, RequestState.REFUSED: 1, RequestState.UNUSABLE: 1}
    assert len(remote.batches) == 2


def test_a_batch_whose_submission_was_not_answered_is_found_again_and_not_submitted_twice(
    workspace: Workspace, remote: Batches
) -> None:
    fill(workspace, 3)
    configure(workspace, remote.url, transport="batch")
    for _ in range(4):  # other batches of the same account, on several pages
        other = remote.keep(b"")
        command_body = {
            "input_file_id": other,
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }
        _post(remote, command_body)
    remote.lose_next_answer = True
    run = command(workspace, "seed")
    assert isinstance(run.exception, ConnectionFailedError)
    assert states(workspace) == {RequestState.SUBMITTED: 3}
    assert steps.seed_responses(workspace).submitted == 3
    assert len(remote.batches) == 5
    remote.end("batch_4", answered)
    assert steps.seed_responses(workspace).rated == 3


def _post(remote: Batches, body: dict[str, str]) -> None:
    import httpx

    httpx.post(f"{remote.url}/batches", json=body).raise_for_status()


def test_a_batch_that_never_arrived_is_submitted_again(workspace: Workspace, remote: Batches) -> None:
    fill(workspace, 3)
    configure(workspace, remote.url, transport="batch")
    steps.seed_responses(workspace)
    remote.batches.clear()
    with workspace.store.write() as connection:
        connection.execute(sa.text("UPDATE seed_batch SET remote_id = NULL"))
    assert steps.seed_responses(workspace).submitted == 3
    assert states(workspace) == {RequestState.SUBMITTED: 3}
    remote.end("batch_0", answered)
    assert steps.seed_responses(workspace).rated == 3


@pytest.mark.slow
def test_a_run_with_batches_that_is_killed_at_any_of_its_moments_sends_nothing_twice_and_loses_nothing(
    workspace: Workspace, remote: Batches
) -> None:
    fill(workspace, 5)
    prices = {"input_price": 1.0, "output_price": 1.0}
    configure(workspace, remote.url, transport="batch", budget=1.0, **prices)
    command(workspace, "seed", "--failed")  # writes the configuration

    def killed_in(request: str) -> None:
        begun: list[subprocess.Popen[bytes]] = []
        ready = threading.Event()

        def kill(asked: str) -> None:
            if asked.startswith(request):
                ready.wait()
                begun[0].kill()
                begun[0].wait()

        remote.half_way = kill
        begun.append(subprocess.Popen([sys.executable, "-c", RUN, str(workspace.path)]))
        ready.set()
        assert begun[0].wait(60) == -signal.SIGKILL
        remote.half_way = lambda _: None

    killed_in("POST /v1/files")
    assert (len(remote.files), len(remote.batches)) == (1, 0), "uploaded, and no batch was made of it"
    killed_in("POST /v1/batches")
    assert len(remote.batches) == 1, "made, and nobody here knows its name"
    assert steps.seed_responses(workspace).submitted == 5
    assert (len(remote.files), len(remote.batches)) == (2, 1)
    remote.end("batch_0", answered)
    killed_in("GET /v1/files/")
    assert states(workspace) == {RequestState.SUBMITTED: 5}, "half-read results are none"
    assert steps.seed_responses(workspace).rated == len(seeds(workspace)) == 5
    assert states(workspace) == {DONE: 5}
    assert steps.seed_responses(workspace).submitted == 0
    assert len(remote.batches) == 1
    with workspace.store.read() as connection:
        assert spent_of_budget(connection, "USD") == 5 * 1100, "what was set aside for the lost batch is free"


def test_a_whole_batch_that_is_refused_is_said(workspace: Workspace, remote: Batches) -> None:
    fill(workspace, 3)
    configure(workspace, remote.url, transport="batch")
    steps.seed_responses(workspace)
    remote.end("batch_0", lambda _: {}, "failed")
    fault = {"object": "list", "data": [{"code": "token_limit_exceeded", "message": "enqueued\ntokens"}]}
    remote.batches["batch_0"] = Batch.model_validate(
        remote.batches["batch_0"].model_dump() | {"errors": fault}
    )
    run = command(workspace, "seed")
    assert isinstance(run.exception, ConnectionFailedError)
    assert "(enqueued tokens)" in str(run.exception)
    assert states(workspace) == {RequestState.PENDING: 3}
    assert steps.seed_responses(workspace).submitted == 3


def test_a_conversation_that_was_deleted_while_its_batch_ran_gets_no_seed(
    workspace: Workspace, remote: Batches
) -> None:
    fill(workspace, 3)
    configure(workspace, remote.url, transport="batch")
    steps.seed_responses(workspace)
    steps.delete_conversations(workspace, ["c1"], by="giver")
    remote.end("batch_0", answered)
    assert steps.seed_responses(workspace).rated == 2
    assert {seed.message_id for seed in seeds(workspace)} == {"c0#1", "c2#1"}
