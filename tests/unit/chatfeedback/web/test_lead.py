"""The lead's page: who may see it, that its figures are those of the commands, and what can be done there."""

from __future__ import annotations

import gc
import html
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from chatfeedback import steps
from chatfeedback.counts import count_responses, offered
from chatfeedback.directory import directory
from chatfeedback.steps.status import count
from chatfeedback.web import lead_run, lead_work
from chatfeedback.web.lead_figures import LiveFigures
from chatfeedback.web.lead_tables import TABLES
from task_generators.seed_feedback.progress import SeedProgress
from task_generators.seed_feedback.run import unrated_in
from tests.unit.chatfeedback.web.test_frame import routes_of
from workspaces.records import SharingState
from workspaces.store.annotations import append_revisions, deleted, revisions_by
from workspaces.store.conversations import first_held, ids_in, set_state
from workspaces.store.flags import FlagStatus, flags, save_findings
from workspaces.store.members import MemberStatus, bar, members
from workspaces.store.requests import RequestState
from workspaces.store.seed_feedback import latest_seeds
from workspaces.store.seed_requests import PLAIN, EndedSeed, RequestRow, begin_requests, end_requests
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from chatfeedback.web.lead_figures import Figures
    from tests.unit.chatfeedback.web.browser import Browser, Client
    from workspaces.records import Task
    from workspaces.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def lead_of(browser: Browser) -> Client:
    """Return the lead's browser, once the figures were read."""
    client = browser.signed_in(None)
    until = time.monotonic() + 30
    while client.get("/lead/table/kinds").status_code == 503:
        assert time.monotonic() < until
        time.sleep(0.1)
    return client


def same_as_commands(workspace: Workspace, figures: Figures) -> None:
    """Hold the figures against what ``status``, ``people list`` and ``budget`` print."""
    counts, work = count(workspace), figures.work
    assert sum(work.by_kind().values()) == counts.answers
    assert sum(work.tasks.values()) == counts.tasks
    assert sum(work.open_tasks.values()) == counts.open_tasks
    assert sum(work.to_come.values()) == counts.answers_to_come
    assert sum(work.held.values()) == counts.held_answers
    assert sum(work.set_aside.values()) == counts.barred_answers
    assert sum(work.hours.values()) == counts.answers
    assert dict(figures.conversations) == counts.conversations
    assert figures.seeds == count_responses(workspace)
    with workspace.store.read() as connection:
        rated = set(latest_seeds(connection))
    shown = [it.id for each in workspace.collection.scan() for it in unrated_in(each, ())]
    assert figures.seeds == SeedProgress(len(shown), len(rated.intersection(shown)))
    seeding = {row[0]: row[1] for row in TABLES["seeds"](figures).rows}
    assert seeding["requests failed"] == counts.seed_requests_failed
    assert seeding["requests without an answer yet"] == counts.seed_requests_open
    with workspace.store.read() as connection:
        assert list(figures.people) == directory(connection)
    budget = steps.budget_report(workspace)
    assert figures.issued_total == budget.issued_total
    assert figures.issued == budget.issued
    assert sum(work.open_points.values()) == budget.forecast.most
    assert figures.money == budget.llm


def test_every_page_of_the_lead_is_closed_to_people_and_strangers(browser: Browser, ada: str) -> None:
    theirs, stranger = browser.signed_in(ada), browser.open()
    routes = [(method, path) for method, path in routes_of(browser.app) if path.startswith("/lead")]
    assert len(routes) > 15
    for method, path in routes:
        browser.app.state.site.limits.__init__()
        if method in ("GET", "HEAD"):
            assert theirs.http.request(method, path).status_code == 404, path
            assert stranger.http.request(method, path).status_code == 303, path
        else:
            fields = {
                "what": "report",
                "person": ada,
                "sure": "yes",
                "all": "yes",
                "addresses": "a@example.org",
            }
            assert theirs.post(path, **fields).status_code == 404, path
            answer = stranger.post(path, **fields)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path
    assert 'href="/lead' not in theirs.get("/me").text


def test_figures_are_those_of_the_commands_whatever_happens_between_two_readings(
    filled_workspace: Workspace, ada: str, bo: str
) -> None:
    workspace, live = filled_workspace, LiveFigures(filled_workspace, utc_now)
    same_as_commands(workspace, live.read_now())
    with workspace.store.write() as connection:
        mine = revisions_by(connection, ada)
        append_revisions(connection, [deleted(each, utc_now()) for each in mine[:5]])
    same_as_commands(workspace, live.read_now())
    assert not live._work.was_read_whole, "a few answers are added, not all of them read"
    with workspace.store.write() as connection:
        append_revisions(connection, mine[:3])
    steps.settle_answers(workspace)
    same_as_commands(workspace, live.read_now())
    assert not live._work.was_read_whole
    with workspace.store.write() as connection:
        bar(connection, bo, {"argilla"}, utc_now(), "lead")
    same_as_commands(workspace, live.read_now())
    shown = sorted(name for task in _open(workspace) for name in task.conversation_ids)
    with workspace.store.write() as connection:
        set_state(connection, shown[:2], SharingState.PRIVATE, utc_now())
    same_as_commands(workspace, live.read_now())
    steps.accept_people(workspace, [bo])
    same_as_commands(workspace, live.read_now())
    before = live.version
    live.read_now()
    assert live.version == before


def _open(workspace: Workspace) -> list[Task]:
    from chatfeedback.counts import offered, open_tasks
    from workspaces.store.standing import standing

    with workspace.store.read() as connection:
        tasks = offered(connection)
        return [tasks[name] for name in open_tasks(connection, tasks, standing(connection), ())]


def test_every_figure_leads_to_a_table_and_names_its_command(browser: Browser, ada: str) -> None:
    steps.set_person(browser.workspace, ada, name="Countess <b>")
    ends = (RequestState.DONE, RequestState.UNUSABLE, RequestState.UNANSWERED)
    with browser.workspace.store.write() as connection:
        rows = [RequestRow(each.value, "c", "judge", "1", PLAIN, {}) for each in ends]
        begin_requests(connection, rows, utc_now())
        end_requests(connection, [EndedSeed(each.value, each) for each in ends], utc_now())
    lead = lead_of(browser)
    page = lead.get("/lead")
    assert "Of 3 requests to judges 1 is answered." in page.text
    same_as_commands(browser.workspace, LiveFigures(browser.workspace, utc_now).read_now())
    counts = count(browser.workspace)
    assert f">{counts.answers:,}</a>" in page.text
    assert f">{counts.open_tasks:,}</a>" in page.text
    for name in TABLES:
        answer = lead.get(f"/lead/table/{name}")
        assert answer.status_code == 200, name
        assert "<code>chatfeedback " in answer.text
    people = lead.get("/lead/people").text + lead.get("/lead/table/people").text
    assert "Countess &lt;b&gt;" in people
    assert "Countess <b>" not in people
    assert "@example.org" not in people.replace("ada@example.org", "")
    assert lead.get("/lead/table/nothing").status_code == 404
    assert lead.get("/lead/report/..%2f..%2fchatfeedback.yaml").status_code == 404


def test_flags_are_decided_once_and_for_all_by_the_step_of_the_command(browser: Browser, ada: str) -> None:
    lead, store = browser.signed_in(None), browser.workspace.store
    with store.write() as connection:
        evidence = {"p_value": 0.001, "alpha": 0.05}
        save_findings(connection, [(ada, "guessing", evidence, 40)], utc_now())
        (flag,) = flags(connection)
    answer = lead.post("/lead/review", id=flag.flag_id, decision="accept", take_back="yes")
    assert answer.headers["location"] == "/lead/review?done=decided&n=1"
    with store.read() as connection:
        first = flags(connection)
        assert [each.status for each in first] == [FlagStatus.ACCEPTED]
        assert MemberStatus.BARRED in {each.status for each in members(connection) if each.person_id == ada}
    lead.post("/lead/review", id=flag.flag_id, decision="accept")
    with store.read() as connection:
        assert flags(connection) == first
    assert lead.post("/lead/review", id="nothing", decision="accept").status_code == 422
    assert lead.post("/lead/review", id=flag.flag_id, decision="delete").status_code == 422
    lead.post("/lead/accept", person=ada)
    with store.read() as connection:
        assert MemberStatus.BARRED not in {each.status for each in members(connection)}


def test_sums_over_many_tasks_leave_no_garbage_whose_search_stops_every_page(
    filled_workspace: Workspace,
) -> None:
    def fold() -> None:
        lead_work._fold(connection, surroundings, task_ids, until=1_000_000)

    with filled_workspace.store.read() as connection:
        surroundings = lead_work._Surroundings.read(connection, filled_workspace.config.quality.own)
        task_ids = sorted(offered(connection))
        fold()
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                fold()
            assert gc.collect() < 50 * 10
        finally:
            gc.enable()


def test_conversations_are_published_and_kept_private(browser: Browser) -> None:
    lead, workspace = lead_of(browser), browser.workspace
    before = count(workspace).conversations
    with workspace.store.read() as connection:
        name, *_ = sorted(ids_in(connection, SharingState.HELD))
    page = lead.get("/lead/conversations").text
    assert html.escape(name) in page
    for _ in range(2):
        assert lead.post("/lead/keep-private", conversation=name).status_code == 303
        assert count(workspace).conversations[SharingState.PRIVATE] == 1
    page = lead.get("/lead/conversations?done=private&n=1").text
    assert "1 conversation kept private" in page
    lead.post("/lead/publish", conversation=name)
    with workspace.store.read() as connection:
        second, third = (each.conversation_id for each in first_held(connection, 3)[1:])
    back = lead.post("/lead/publish", conversation=second, at="held-1").headers["location"]
    assert back == "/lead/conversations?done=published&n=1&at=held-1#done"
    page = lead.get(back).text
    said = page.index('id="done"')
    assert page.index("<h2>Held</h2>") < said < page.index(f"<p>{html.escape(third)}, shared from")
    assert page.count("1 conversation published") == 1
    for at in ("held-99", "held-", "flag-1", "x", '"><script>', ""):  # the place is gone, or never was
        page = lead.get(f"/lead/conversations?done=published&n=1&at={quote(at)}").text
        assert page.count("1 conversation published") == 1
    assert lead.post("/lead/publish", conversation=third, at="//x").headers["location"].endswith("&n=1")
    assert (
        lead.post("/lead/publish", all="yes")
        .headers["location"]
        .startswith("/lead/conversations?done=published")
    )
    after = count(workspace).conversations
    assert SharingState.HELD not in after
    assert sum(after.values()) == sum(before.values())
    answer = lead.post("/lead/publish", conversation="<script>alert(1)")
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


def test_actions_refuse_in_words_what_names_nobody_or_nothing(browser: Browser, ada: str) -> None:
    lead = browser.signed_in(None)
    for path, fields in (
        ("/lead/group", {"person": "ada@example.org", "group": ""}),
        ("/lead/group", {"person": ada, "group": "none such"}),
        ("/lead/revoke", {"person": ada}),
        ("/lead/accept", {"person": ""}),
        ("/lead/invite", {"addresses": "no address"}),
        ("/lead/invite", {"addresses": ""}),
        ("/lead/invite", {"addresses": "ada@example.org a\u200bda@example.org"}),
        ("/lead/invite", {"addresses": "\uff41da@example.org"}),
        ("/lead/publish", {}),
        ("/lead/runs", {"what": "export", "kind": "verify"}),
        ("/lead/runs", {"what": "people"}),
    ):
        answer = lead.post(path, **fields)
        assert answer.status_code == 422, path
        assert "<main" in answer.text


def test_a_busy_workspace_is_said_in_words(
    browser: Browser, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatfeedback.web import lead_actions

    monkeypatch.setattr(lead_actions, "BUSY_SECONDS", 0.1)
    lead = browser.signed_in(None)
    with browser.workspace.exclusive():
        answer = lead.post("/lead/accept", person=ada)
    assert answer.status_code == 503
    assert "The workspace is busy" in answer.text


def test_a_report_runs_beside_the_page_and_says_how_it_went(browser: Browser) -> None:
    lead, workspace = browser.signed_in(None), browser.workspace
    assert "Nothing was started" in lead.get("/lead/runs").text
    assert lead.post("/lead/runs", what="report").status_code == 303
    assert lead.post("/lead/runs", what="report").status_code == 409, "one at a time"
    assert "it runs" in lead.get("/lead/runs/now").text
    until = time.monotonic() + 120
    while (run := lead_run.last_run(workspace)) is not None and run.is_running:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert run is not None
    assert run.code == 0, run.lines
    assert "<strong>done</strong>" in lead.get("/lead/runs/now").text
    live = LiveFigures(workspace, utc_now).read_now()
    assert live.next_steps
    assert live.agreement
    assert (
        "Krippendorff" in (lead.get("/lead/table/agreement").text + lead.get("/lead").text) or live.agreement
    )
    files = lead.get("/lead/report").text
    assert "report.html" in files
    answer = lead.get("/lead/report/agreement.csv")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert lead_run.main(workspace.path, "again", ["no-such-command"]) != 0
    failed = lead_run.last_run(workspace)
    assert failed is not None
    assert (failed.is_running, failed.code) == (False, 2)
    assert "no-such-command" in " ".join(failed.lines)


def test_the_same_agreement_is_kept_once(filled_workspace: Workspace) -> None:
    from workspaces.store.agreements import agreement_history

    steps.evaluate(filled_workspace)
    with filled_workspace.store.read() as connection:
        first = agreement_history(connection, 12)
    assert first
    steps.evaluate(filled_workspace)
    with filled_workspace.store.read() as connection:
        assert agreement_history(connection, 12) == first


def test_the_people_measured_are_those_of_the_report_without_raters(filled_workspace: Workspace) -> None:
    from workspaces.store.confidences import OVERALL, latest_snapshot, save_confidence

    report = steps.evaluate(filled_workspace)
    with filled_workspace.store.write() as connection:
        rows = list(latest_snapshot(connection).values())
        one = next(row for row in rows if row.question == OVERALL)
        save_confidence(connection, [*rows, replace(one, person_id="of-a-log", multiplier=0.5)])
    figures = LiveFigures(filled_workspace, utc_now).read_now()
    assert set(figures.confidence) == {each.person for each in report.people}
    table = TABLES["confidence"](figures)
    votes = table.columns.index("votes compared")
    assert {row[0]: row[votes] for row in table.rows} == {
        each.person: each.confidence.n_compared for each in report.people
    }
