"""My page: the figures are those of the commands, settings are stored, and texts of others run nothing."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from chatfeedback.web import live
from chatfeedback.web.sessions import Person
from reward_engine import adjust
from reward_engine.bonuses import ANSWER_BONUSES
from tests.unit.chatfeedback.web.conftest import ARGILLA
from workspaces.store.demographic_answers import all_sealed
from workspaces.store.members import note_revoked
from workspaces.store.people import latest_settings
from workspaces.store.settlements import last_paid_work, paid_tasks
from workspaces.store.who_answered import first_submissions
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from tests.unit.chatfeedback.web.browser import Browser
    from workspaces.store.people import PersonSettings


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def settings_of(browser: Browser, person_id: str) -> PersonSettings:
    with browser.workspace.store.read() as connection:
        return latest_settings(connection)[person_id]


def test_the_figures_are_those_of_the_wallet(browser: Browser, ada: str) -> None:
    wallet = steps.explain_wallet(browser.workspace, ada)
    shown = text_of(browser.signed_in(ada).get("/me").text)
    assert f"points {wallet.balance:,}" in shown
    assert f"streak {wallet.streak} day" in shown
    assert f"level {wallet.level}" in shown
    assert wallet.movements[-1].text in shown


def test_the_last_paid_work_is_that_of_all_that_was_submitted_and_paid(browser: Browser, ada: str) -> None:
    with browser.workspace.store.read() as connection:
        paid = paid_tasks(connection, ada, without=ANSWER_BONUSES)
        submitted = first_submissions(connection, ada)
        moments = {moment for (_, task_id), moment in submitted.items() if task_id in paid}
        assert 0 < len(moments) <= len(submitted)
        found, before = [], utc_now() + timedelta(days=400)
        while (moment := last_paid_work(connection, ada, before, without=ANSWER_BONUSES)) is not None:
            found.append(moment)
            before = moment
    assert found == sorted(moments, reverse=True)


def test_the_history_says_every_movement_once(browser: Browser, ada: str) -> None:
    client, path, shown = browser.signed_in(ada), "/me/history", ""
    for _ in range(200):
        page = client.get(path).text
        shown += page
        older = re.search(r'href="(/me/history\?before=\d+)"', page)
        if older is None:
            break
        path = older[1]
    points = [
        int(it.replace("−", "-").replace(",", "")) for it in re.findall(r'"number">([+−][\d,]+)<', shown)
    ]
    wallet = steps.explain_wallet(browser.workspace, ada)
    assert points == [movement.points for movement in reversed(wallet.movements)]
    assert sum(points) == wallet.balance


@pytest.mark.parametrize("before", ["x", "-1", "1" * 40, "1;drop", "٣"])
def test_a_place_in_the_history_that_is_none_is_no_page(browser: Browser, ada: str, before: str) -> None:
    assert browser.signed_in(ada).http.get("/me/history", params={"before": before}).status_code == 404


def test_what_waits_is_what_is_open_and_not_done_and_leads_to_the_platform(
    browser: Browser, ada: str
) -> None:
    workspace = browser.workspace
    page = browser.signed_in(ada).get("/me/waiting").text
    found = steps.waiting_for(workspace, steps.read_on_offer(workspace), ada)
    assert found.queues
    assert len({(queue.platform, queue.title) for queue in found.queues}) == len(found.queues)
    for queue in found.queues:
        assert f'<a href="{queue.address}">' in page
        assert queue.address.startswith(f"{ARGILLA}/dataset/")
    shown = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) tasks? on Argilla", page))
    assert shown == sum(queue.tasks for queue in found.queues) > 0


def test_what_was_done_waits_no_more_and_nothing_waits_for_whoever_is_revoked(
    browser: Browser, ada: str
) -> None:
    workspace = browser.workspace
    on_offer = steps.read_on_offer(workspace)
    with workspace.store.read() as connection:
        from workspaces.store.who_answered import tasks_done_by

        done = tasks_done_by(connection, ada)
    open_for_all = {place.task_id for place in on_offer.places["argilla"]}
    assert done & open_for_all
    waiting = sum(queue.tasks for queue in steps.waiting_for(workspace, on_offer, ada).queues)
    assert waiting == len(open_for_all - done)
    with workspace.store.write() as connection:
        note_revoked(connection, ada, "argilla", utc_now())
    assert steps.waiting_for(workspace, on_offer, ada).queues == ()


def test_settings_are_stored_and_shown(browser: Browser, ada: str) -> None:
    client = browser.signed_in(ada)
    answer = client.post("/me/settings", display_name="Countess", time_zone="Pacific/Auckland")
    assert answer.status_code == 303
    stored = settings_of(browser, ada)
    assert (stored.display_name, stored.time_zone, stored.hidden) == ("Countess", "Pacific/Auckland", True)
    page = client.get("/me").text
    assert "Countess" in page
    assert "Pacific/Auckland" in page
    client.post("/me/settings", display_name="", time_zone="", shown="yes")
    stored = settings_of(browser, ada)
    assert (stored.display_name, stored.time_zone, stored.hidden) == (None, None, False)


def test_the_day_ends_at_ones_own_midnight(browser: Browser, ada: str) -> None:
    browser.signed_in(ada).post("/me/settings", display_name="", time_zone="Pacific/Auckland", shown="yes")
    standing = steps.my_standing(browser.workspace, ada)
    from workspaces.time_zones import time_zone

    local = standing.day_ends.astimezone(time_zone("Pacific/Auckland"))
    assert (local.hour, local.minute) == (0, 0)
    assert 0 < (standing.day_ends - utc_now()).total_seconds() <= 25 * 3600


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", "ada@example.org"),
        ("display_name", "x" * 41),
        ("display_name", "+49 170 1234567"),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(
    browser: Browser, ada: str, field: str, value: str
) -> None:
    answer = browser.signed_in(ada).post("/me/settings", **{field: value})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"]
)
def test_a_name_runs_nothing_on_the_pages_of_others(browser: Browser, ada: str, bo: str, name: str) -> None:
    client = browser.signed_in(ada)
    client.post("/me/settings", display_name=name, shown="yes")
    for page in (
        client.get("/me").text,
        client.get("/me/settings").text,
        browser.signed_in(bo).get("/me").text,
    ):
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "49" not in re.findall(r"<td>(.*?)</td>", page)


def test_hidden_people_are_on_nobody_elses_page(browser: Browser, ada: str, bo: str) -> None:
    browser.signed_in(ada).post("/me/settings", display_name="Countess")
    assert "Countess" not in browser.signed_in(bo).get("/me").text


def test_agreement_is_told_from_many_answers_on_and_gold_never(browser: Browser, ada: str) -> None:
    workspace = browser.workspace
    assert steps.my_standing(workspace, ada).steadiness is None
    steps.evaluate(workspace)
    told = steps.my_standing(workspace, ada).steadiness
    assert told is not None
    assert 0 <= told.low <= told.high <= 1
    page = text_of(browser.signed_in(ada).get("/me").text)
    assert "Where a rare answer counts as much as frequent ones, between" in page
    assert "gold" not in page.casefold()


def test_the_voluntary_form_is_given_changed_and_withdrawn_and_never_shown(
    browser: Browser, ada: str
) -> None:
    client, workspace = browser.signed_in(ada), browser.workspace
    assert client.post("/me/form", age_band="25-34", country="NZ").status_code == 303
    first = workspace.demographics.everyone()
    assert [answers["age_band"] for answers in first.values()] == ["25-34"]
    assert client.post("/me/form", age_band="35-44").status_code == 303
    (answers,) = workspace.demographics.everyone().values()
    assert (answers["age_band"], answers["country"]) == ("35-44", "prefer not to say")
    assert "selected" not in client.get("/me/form").text
    assert client.post("/me/form", age_band="of no band").status_code == 422
    assert client.post("/me/form/withdraw").status_code == 303
    with workspace.store.read() as connection:
        assert all_sealed(connection) == {}


def test_an_open_page_hears_of_ones_own_points_and_of_nobody_elses(
    browser: Browser, ada: str, bo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    workspace = browser.workspace

    def balance() -> int:
        return steps.my_standing(workspace, ada).balance

    def give(person_id: str, why: str = "a gift") -> None:
        with workspace.store.write() as connection:
            adjust(connection, person_id, 5, reason=why, author="Grace", rules_version="1", now=utc_now())

    async def hear() -> list[str]:
        site, shown = browser.app.state.site, balance()
        give(ada, "a gift before")  # between the page and its first look
        stream = live._stream(
            live._Listener(site, Person(ada, False, ""), {"points": balance}, {"points": shown})
        )
        heard = [await anext(stream), await asyncio.wait_for(anext(stream), 5)]
        give(bo)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        give(ada)
        heard.append(await asyncio.wait_for(waiting, 5))
        await stream.aclose()  # type: ignore[attr-defined]
        return heard

    assert asyncio.run(hear()) == [": hello\n\n", *(2 * ["event: points\ndata: changed\n\n"])]
    assert not live._open
