"""The commands about points as people type them: rules, wallets explained, boards, settings, the budget."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import asdict
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.own_standing import my_standing
from reward_engine import capture, quote_purchase, reserve, totals
from tests.sample_records import ALL_TAGS, NOW, chat, minutes
from workspaces.errors import ConfigurationError, UsageError
from workspaces.records import AnnotationStatus, ChatMode, Quality
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.confidences import OVERALL, PersonConfidence, save_confidence
from workspaces.store.people import settings_history
from workspaces.store.tasks import all_tasks
from workspaces.store.tasks import task as task_table
from workspaces.workspace import CONFIG_NAME, Workspace, utc_now

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = """\
version: 1
platforms: {argilla: {}}
mix: {overlap: 2}
rates:
  version: spring
  points_per_day: 20
  bonuses: {newcomer_answer: 2, newcomer_answers: 1, streak_day: 3, shared_chat_log: 4}
levels: {fresh: 0, steady: 20}
"""


@pytest.fixture(scope="module")
def new_office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three shared chat logs, two of a known giver, and their tasks."""
    folder = tmp_path_factory.mktemp("office") / "w"
    with Workspace.create(folder, CONFIGURATION) as made:
        logs = [
            chat(f"c{i}", f"question number {i}?", f"This is the answer to question {i}, in some words.")
            for i in range(3)
        ]
        made.collection.append(logs, now=NOW - timedelta(days=3), delay=timedelta(0))
        steps.seed_responses(made)
        steps.generate_tasks(made)
    return folder


@pytest.fixture
def office(new_office: Path, tmp_path: Path) -> Path:
    return shutil.copytree(new_office, tmp_path / "w")


def run(folder: Path, *arguments: str) -> Any:
    """Run a command with --json and return what it printed."""
    ran = CliRunner().invoke(app, [*arguments, "--json", "-w", str(folder)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def words(folder: Path, *arguments: str) -> str:
    ran = CliRunner().invoke(
        app, [*arguments, "-w", str(folder)], catch_exceptions=False, env={"COLUMNS": "200"}
    )
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def answer(folder: Path, email: str, *moments: datetime) -> str:
    """Let somebody rate one response after another; return their pseudonym."""
    with Workspace.open(folder) as opened:
        person_id = opened.pseudonyms.on_platform("argilla")(email)
        with opened.store.read() as connection:
            tasks = list(all_tasks(connection).values())
        rows = [
            AnnotationRevision(
                annotation_id=f"{person_id}-{number}",
                revision=1,
                task_id=tasks[number].id,
                person_id=person_id,
                platform="argilla",
                response_id=f"{person_id}-{number}",
                status=AnnotationStatus.SUBMITTED,
                answers=ALL_TAGS,
                content_hash="x",
                updated_at=moment,
                synced_at=moment,
            )
            for number, moment in enumerate(moments)
        ]
        with opened.store.write() as connection:
            save_revisions(connection, rows)
    return person_id


def unsure(folder: Path, person_id: str) -> None:
    """Store a confidence that multiplies somebody's rewards by 0.75."""
    confidence = PersonConfidence(
        NOW,
        person_id,
        OVERALL,
        value=0.3,
        low=0.2,
        high=0.4,
        n_answers=120,
        n_divergent=80.0,
        multiplier=0.75,
    )
    with Workspace.open(folder) as opened, opened.store.write() as connection:
        save_confidence(connection, [confidence])


def settle(folder: Path) -> dict[str, int]:
    found: dict[str, int] = run(folder, "settle")
    return found


def test_a_wallet_says_how_each_credit_came_about(office: Path) -> None:
    ada = answer(office, "ada@example.org", minutes(0), minutes(1), minutes(60 * 24))
    unsure(office, ada)
    settle(office)
    found = run(office, "wallet", "ada@example.org", "--explain")
    assert found["balance"] == sum(it["points"] for it in found["movements"])
    assert (found["person_id"], found["level"], found["streak"]) == (ada, "steady", 0)
    first = next(it for it in found["movements"] if it["reason"].startswith("qualities"))
    assert (first["base"], first["factor"], first["offered"], first["multiplier"]) == (6, 1.5, 9, 0.75)
    assert first["points"] == 7
    assert first["rules_version"] == "spring"
    assert first["text"].startswith(f"Task {first['task_id']}, {first['kind']}, on Argilla. Qualities of")
    assert (first["kind"], first["platform"]) == ("qualitative", "argilla")
    assert (
        "6 x 1.5 for medium significance = 9 offered. 9 x 0.75 for confidence = 7 (report of 2026-05-01: 80 of 120 "
        "comparable votes went against everyone else's). Paid by rules version spring, in use since "
    ) in first["text"]
    assert any(
        "Bonus for a newcomer's answer, number 1 of the first 1" in it["text"] for it in found["movements"]
    )
    assert any("Bonus for day 2 of a streak, 2026-05-02" in it["text"] for it in found["movements"])
    shown = words(office, "wallet", "ada@example.org", "--explain")
    assert f"Balance: {found['balance']} points, level steady; streak: 0 days" in shown


def test_what_is_set_aside_or_owed_is_the_same_in_every_view_of_a_wallet(office: Path) -> None:
    """The explained one said that the balance was below zero, where the other one said what is owed."""
    ada = answer(office, "ada@example.org", minutes(0))
    settle(office)
    with Workspace.open(office) as workspace:
        price = quote_purchase(workspace.config.spending, "m", ChatMode.DIRECT)
        lasts: dict[str, Any] = {"now": utc_now(), "expires_at": utc_now() + timedelta(hours=1)}
        with workspace.store.write() as connection:
            for name in ("paid", "open"):
                reserve(connection, ada, price, hold_id=name, **lasts)
            capture(connection, "paid", price.price, now=utc_now())
            earned = totals(connection)[ada]
        steps.adjust_points(workspace, ada, -earned, reason="not theirs", author="lead")
        standing = my_standing(workspace, ada)
    views = [run(office, "wallet", ada, *more) for more in ((), ("--explain",))]
    figures = {(it["balance"], it["held"], it["owed"]) for it in (*views, asdict(standing))}
    assert figures == {(0, price.price, 2 * price.price)}
    assert all(sum(each["points"] for each in it["movements"]) == it["balance"] - it["owed"] for it in views)
    said = f"Balance: 0 points, {price.price} set aside, {2 * price.price} owed"
    assert all(said in words(office, "wallet", ada, *more) for more in ((), ("--explain",)))


@pytest.mark.parametrize("points", [10**9 + 1, -(10**9) - 1, 2**63 - 1, 10**40])
def test_a_correction_of_too_many_points_is_refused_and_nobodys_pay_stops(office: Path, points: int) -> None:
    """One of 2^63 - 1 points was posted, and no settlement after it could be."""
    ada = answer(office, "ada@example.org", minutes(0))
    with Workspace.open(office) as workspace, pytest.raises(UsageError, match="at most 1,000,000,000 points"):
        steps.adjust_points(workspace, ada, points, reason="a slip", author="lead")
    assert settle(office)["credited"] > 0


def test_the_days_cap_is_explained_where_it_held_something_back(office: Path) -> None:
    ada = answer(office, "ada@example.org", minutes(0), minutes(1), minutes(2))
    unsure(office, ada)
    assert settle(office) == {
        "corrections": 4,
        "credited": 20,
        "taken_back": 0,
        "wallets": 1,
    }  # 2 + 7 + 7 + 4
    last = run(office, "wallet", "ada@example.org", "--explain")["movements"][-1]
    assert last["points"] == 4
    assert "the cap of 20 points for 2026-05-01 (rules spring) leaves 4 of 7" in last["text"]
    assert settle(office)["corrections"] == 0


def test_a_raise_pays_new_tasks_only_and_each_credit_names_its_version(office: Path) -> None:
    answer(office, "ada@example.org", minutes(0))
    settle(office)
    path = office / CONFIG_NAME
    path.write_text(path.read_text().replace("version: spring", "version: spring\n  qualities: 60"))
    for command in ("settle", "generate"):
        with pytest.raises(
            ConfigurationError, match=r"rates\.qualities is now 60 instead of 6, but .*'spring'"
        ):
            CliRunner().invoke(app, [command, "-w", str(office)], catch_exceptions=False)
    path.write_text(path.read_text().replace("version: spring", "version: summer"))
    assert settle(office)["corrections"] == 0
    answer(office, "bo@example.org", minutes(5))
    settle(office)
    (paid,) = [it for it in run(office, "wallet", "bo@example.org", "--explain")["movements"] if it["base"]]
    assert (paid["points"], paid["offered"], paid["rules_version"]) == (9, 9, "spring")


def test_a_price_that_the_recorded_rules_do_not_lead_to_is_not_made_up(office: Path) -> None:
    """A task of a time before versions were recorded, whose numbers were others."""
    with Workspace.open(office) as opened, opened.store.write() as connection:
        connection.execute(sa.update(task_table).values(quote={"qualities": 11}))
    answer(office, "ada@example.org", minutes(0))
    settle(office)
    (_, paid) = run(office, "wallet", "ada@example.org", "--explain")["movements"]
    assert (paid["offered"], paid["base"], paid["factor"]) == (11, None, None)
    assert ". 11 points were offered. Paid by rules version spring" in paid["text"]


def test_sharing_is_paid_to_known_givers(tmp_path: Path) -> None:
    log = tmp_path / "logs.jsonl"
    rows = [
        {
            "conversation_id": f"k{i}",
            "conversation": [
                {"role": "user", "content": f"What is {i}?"},
                {"role": "assistant", "content": f"It is {i}."},
            ],
            "user_id": user,
            "model_name": "m",
            "source": "test",
            "timestamp": "2024-01-01T00:00:00Z",
        }
        for i, user in enumerate(["ada@example.org", "ada@example.org", ""])
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with Workspace.create(tmp_path / "w", CONFIGURATION) as made:
        assert steps.ingest_file(made, log, publish=True).added == 3
    assert settle(tmp_path / "w") == {"corrections": 2, "credited": 8, "taken_back": 0, "wallets": 1}
    found = run(tmp_path / "w", "wallet", "ada@example.org", "--explain")
    texts = sorted(it["text"] for it in found["movements"])
    assert [text.split(" on ")[0] for text in texts] == [
        f"Bonus for sharing a chat log, number {i}" for i in (1, 2)
    ]
    assert settle(tmp_path / "w")["corrections"] == 0


def test_the_leaderboard_has_periods_names_levels_and_ones_own_place(office: Path) -> None:
    ada = answer(office, "ada@example.org", minutes(0), utc_now())
    bo = answer(office, "bo@example.org", minutes(1))
    settle(office)
    run(office, "people", "set", "ada@example.org", "--name", "Countess", "--time-zone", "Europe/London")
    board = run(office, "leaderboard")["leaderboard"]
    assert [(it["rank"], it["person_id"], it["name"], it["level"]) for it in board] == [
        (1, ada, "Countess", "steady"),
        (2, bo, None, "fresh"),
    ]
    today = run(office, "leaderboard", "--period", "day")["leaderboard"]
    assert [(it["person_id"], it["points"], it["level"]) for it in today] == [(ada, 9, "steady")]
    assert [
        it["person_id"] for it in run(office, "leaderboard", "--around", "bo@example.org")["leaderboard"]
    ] == [
        ada,
        bo,
    ]
    run(office, "people", "set", ada, "--hide")
    assert [it["person_id"] for it in run(office, "leaderboard")["leaderboard"]] == [bo]
    lead = run(office, "leaderboard", "--lead")["leaderboard"]
    assert [(it["hidden"], it["under_review"]) for it in lead] == [(True, False), (False, False)]
    assert "no points in this period yet" in words(
        office, "leaderboard", "--period", "day", "--around", "bo@example.org"
    )


def test_settings_are_kept_with_their_history_and_only_when_they_change(office: Path) -> None:
    ada = answer(office, "ada@example.org", minutes(0))
    first = run(office, "people", "set", ada, "--name", " Ada\u00a0L. ", "--time-zone", "Asia/Tokyo")
    assert first == {
        "person_id": ada, "display_name": "Ada L.", "time_zone": "Asia/Tokyo", "hidden": False, "group": None,
    }  # fmt: skip
    assert run(office, "people", "set", ada) == first
    assert run(office, "people", "set", ada, "--name", "", "--hide") == {
        "person_id": ada,
        "display_name": None,
        "time_zone": "Asia/Tokyo",
        "hidden": True,
        "group": None,
    }
    with Workspace.open(office) as opened, opened.store.read() as connection:
        assert [it.display_name for it in settings_history(connection)] == ["Ada L.", None]


@pytest.mark.parametrize(
    "name",
    [
        "ada@example.org",
        "ADA@EXAMPLE.ORG",
        "x@y",
        "+49 30 901820 12",
        "bo-the-user",
        "...",
        "a" * 41,
        "a\u202eb",
    ],
)
def test_a_display_name_that_tells_who_somebody_is_or_cannot_be_shown_is_refused(
    office: Path, name: str
) -> None:
    ada = answer(office, "ada@example.org", minutes(0))
    with Workspace.open(office) as opened:
        opened.pseudonyms.on_platform("argilla")("bo-the-user")
        with pytest.raises(UsageError, match="display name"):
            steps.set_person(opened, ada, name=name)


def test_nobody_takes_anothers_name(office: Path) -> None:
    ada = answer(office, "ada@example.org", minutes(0))
    bo = answer(office, "bo@example.org", minutes(0))
    run(office, "people", "set", ada, "--name", "Countess")
    run(office, "people", "set", ada, "--name", "countess")  # one's own can be written otherwise
    with Workspace.open(office) as opened:
        for name in ("COUNTESS", ada):
            with pytest.raises(UsageError, match="is taken, or is a name that is not shown here"):
                steps.set_person(opened, bo, name=name)
        with pytest.raises(UsageError, match="no time zone"):
            steps.set_person(opened, bo, zone="Mars/Olympus")


def test_generate_promises_no_more_than_the_total_leaves(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    with Workspace.create(folder, CONFIGURATION + "budget: {points_total: 100, points_per_day: 8}\n") as made:
        logs = [
            chat(f"c{i}", f"question {i}?", f"An answer to question {i} in some words.") for i in range(4)
        ]
        made.collection.append(logs, now=NOW - timedelta(days=3), delay=timedelta(0))
        steps.seed_responses(made)
    one = 2 * (9 + 12)  # two people, tags and a rewrite of medium significance
    found = run(folder, "generate")
    assert (found["created"], found["beyond_budget"], found["points"]) == (2, 2, 2 * one)
    assert run(folder, "generate")["created"] == 0
    answer(folder, "ada@example.org", minutes(0), minutes(1))
    report = run(folder, "budget")
    assert (report["unsettled"], report["issued_total"], report["promised"]) == (20, 0, one)
    settle(folder)
    report = run(folder, "budget")
    assert (report["unsettled"], report["issued_total"], report["promised"]) == (0, 20, one)
    assert (report["left"], report["answers_to_come"]) == (100 - 20 - one, 2)
    assert report["issued"] == {"2026-05-01": {"bonuses": 2, "qualitative": 18}}
    assert report["days_over"] == ["2026-05-01"]
    assert report["forecast"]["low"] <= report["forecast"]["expected"] <= report["forecast"]["most"] == one
    shown = words(folder, "budget")
    assert "20, over the budget of 8" in shown
    assert "█" in shown
    path = folder / CONFIG_NAME
    path.write_text(path.read_text().replace("points_total: 100", "points_total: 104"))
    assert run(folder, "generate")["created"] == 1  # two gave no rewrite: there is room for another task


class Endpoint(BaseHTTPRequestHandler):
    """An LLM that finds every response good and of low significance."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        rating = dict.fromkeys((quality.value for quality in Quality), "yes")
        said = json.dumps({"ratings": [{"message": 2, **rating, "significance": "low"}]})
        message = {"role": "assistant", "content": said}
        body = {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
        }
        sent = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        pass


def test_the_budget_says_what_llm_calls_cost_for_each_accepted_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-x")
    folder = tmp_path / "w"
    with HTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        llm = f"llm: {{base_url: '{url}', model: m, api_key_env: SOME_KEY, canaries: 0.0, "
        llm += "input_price: 2, output_price: 10.0}\n"
        with Workspace.create(folder, CONFIGURATION + llm.replace("price: 2,", "price: 2.0,")) as made:
            logs = [chat(f"c{i}", f"question {i}?", f"An answer to question {i}.") for i in range(4)]
            made.collection.append(logs, now=NOW - timedelta(days=3), delay=timedelta(0))
            assert steps.seed_responses(made).rated == 4
            assert steps.seed_responses(made).rated == 0
            steps.generate_tasks(made)
        server.shutdown()
    answer(folder, "ada@example.org", minutes(0), minutes(1))
    report = run(folder, "budget")
    (spent,) = report["llm"]
    assert (spent["requests"], spent["input_tokens"], spent["output_tokens"]) == (4, 4000, 200)
    assert spent["cost_micros"] == 4000 * 2 + 200 * 10
    assert report["cost_per_accepted_answer"] == {"USD": 0.005}
    assert "That is 0.005000 USD for each accepted answer so far" in words(folder, "budget")
