"""The page in a real Chromium: signing in with an account of a real Argilla, and what people see on every page."""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import httpx
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import expect

from chatfeedback import steps
from chatfeedback.web.server import Server
from reward_engine import adjust
from tests.e2e.conftest import FAULTS, KEY_VARIABLE
from tests.e2e.test_argilla_in_a_browser import choose, enter, open_dataset, press, record_shown
from tests.e2e.workplace import picture
from workspaces.grammar import counted
from workspaces.store.tasks import containers
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.e2e.workplace import Bench, Visit
    from tests.recorded_figures import Record

pytestmark = [pytest.mark.servers, pytest.mark.browser]

ColorScheme: TypeAlias = Literal["light", "dark"]

WAIT_MS = 60_000
"""How long something is waited for whose time is recorded; ``bench.live`` measures it."""

PHONE, DESKTOP = (360, 740), (1366, 768)
PAGES = ("/me", "/me/waiting", "/me/chats", "/me/settings", "/me/form", "/me/data")
PUBLIC = ("/sign-in", "/report-a-conversation", "/nothing")


@contextmanager
def running(bench: Bench, address: str | None = None) -> Iterator[Server]:
    server = Server(bench.workspace, port=0, address=address)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)


@contextmanager
def watching(bench: Bench) -> Iterator[None]:
    """Run ``sync --watch`` as a lead does; everything was read once when the block begins."""
    command = [
        sys.executable,
        "-m",
        "chatfeedback",
        "sync",
        "--watch",
        "--workspace",
        str(bench.workspace.path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            assert len(hooks_of(bench)) == 1
            process.terminate()  # as by Ctrl-C it tells Argilla to send no more events
            process.stdout.read()
            assert hooks_of(bench) == []


def hooks_of(bench: Bench) -> list[object]:
    """Ask Argilla whom it tells of answers."""
    headers = {"X-Argilla-Api-Key": os.environ[KEY_VARIABLE]}
    found: list[object] = httpx.get(f"{bench.url}/api/v1/webhooks", headers=headers).json()["items"]
    return found


def context_of(browser: Browser, size: tuple[int, int], scheme: ColorScheme = "light") -> BrowserContext:
    return browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
        bypass_csp=False,
    )


def width_of(page: Page) -> tuple[int, int]:
    both: list[int] = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return both[0], both[1]


def test_a_person_signs_in_with_a_real_account_and_stands_on_their_page(
    argilla_bench: Bench,
    browser: Browser,
    tmp_path: Path,
    axe: str | None,
    record_figure: Record,
) -> None:
    bench, complaints = argilla_bench, list[str]()
    email, password = bench.people[0]
    person = bench.workspace.pseudonyms.find(email, ("argilla",))
    assert person is not None
    give_chats(bench, email, tmp_path)
    with running(bench) as server:
        context = context_of(browser, DESKTOP)
        page = context.new_page()
        page.on("console", lambda it: complaints.append(it.text) if it.type == "error" else None)
        page.on(
            "request", lambda it: complaints.append(it.url) if not it.url.startswith(server.address) else None
        )
        page.goto(f"{server.address}/me")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

        page.get_by_label("User name").fill(email)
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("That did not work")
        assert [it for it in complaints if "403" not in it] == []
        complaints.clear()

        page.get_by_label("User name").fill(email)
        page.get_by_label("Password").fill(password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="My page")).to_be_visible()
        assert page.url == f"{server.address}/me"
        expect(page.locator("#points")).to_contain_text("0")

        # what waits comes by itself, and leads to the platform
        first = page.locator(".card a").first
        expect(first).to_be_visible()
        address = first.get_attribute("href")
        assert address is not None
        assert address.startswith(f"{bench.url}/dataset/")

        # points come to an open page by themselves
        with bench.workspace.store.write() as connection:
            adjust(connection, person, 1234, reason="welcome", author="lead", rules_version="", now=utc_now())
        begun = time.monotonic()
        expect(page.locator("#points")).to_contain_text("1,234", timeout=WAIT_MS)
        record_figure("seconds from ledger to page", round(time.monotonic() - begun, 2))

        # by keyboard alone
        page.goto(f"{server.address}/me")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()

        state = context.storage_state()
        faults: list[str] = []
        for size, scheme in ((PHONE, "light"), (PHONE, "dark"), (DESKTOP, "light"), (DESKTOP, "dark")):
            for paths, cookies in ((PAGES, state), (PUBLIC, None)):
                looking = browser.new_context(
                    viewport={"width": size[0], "height": size[1]},
                    color_scheme="dark" if scheme == "dark" else "light",
                    storage_state=cookies,
                    bypass_csp=True,  # for axe, which is put into the page
                )
                shown = looking.new_page()
                for path in (*paths, *([one_chat(bench, email)] if cookies else [])):
                    shown.goto(f"{server.address}{path}")
                    if path == "/me":
                        expect(shown.locator(".card").first).to_be_visible()
                    name = path.strip("/").replace("/", "-").partition("?")[0]
                    picture(shown, f"{name}-{size[0]}-{scheme}")
                    wide, window = width_of(shown)
                    if wide > window:
                        faults.append(f"{path} at {size[0]} px scrolls sideways: {wide}")
                    if axe is not None and size == PHONE:
                        shown.evaluate(axe)
                        faults += [f"{path} {size[0]} {scheme}: {it}" for it in shown.evaluate(FAULTS)]
                looking.close()
        print(f"axe: {'ran' if axe else 'npm or the network is missing'}")
        assert faults == []
        assert complaints == []
        context.close()


def test_without_scripts_all_is_there(argilla_bench: Bench, browser: Browser) -> None:
    email, password = argilla_bench.people[1]
    with running(argilla_bench) as server:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{server.address}/sign-in")
        page.get_by_label("User name").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="Look what waits").click()
        expect(page.locator(".card a").first).to_be_visible()
        page.get_by_role("link", name="Settings").click()
        page.get_by_label("Time zone").fill("Asia/Tokyo")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("saved")
        expect(page.locator("main")).to_contain_text("Asia/Tokyo")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        context.close()


CHAT = """
chat: {stand_in: true, requests_per_minute: 1000}
spending: {version: "loop", default: {dynamic: 1, direct: 2}}
"""


def look_at(page: Page, axe: str | None, name: str) -> list[str]:
    """Keep pictures of a page, narrow and wide, light and dark, and return what is wrong with it."""
    faults: list[str] = []
    for size in (PHONE, DESKTOP):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            picture(page, f"{name}-{size[0]}-{scheme}")
            wide, window = width_of(page)
            if wide > window:
                faults.append(f"{name} at {size[0]} px scrolls sideways: {wide}")
            if axe is not None and size == PHONE:
                page.evaluate(axe)
                faults += [f"{name} {scheme}: {it}" for it in page.evaluate(FAULTS)]
    return faults


def test_the_loop_closes(
    argilla_bench: Bench,
    browser: Browser,
    visit: Callable[..., Visit],
    tmp_path: Path,
    axe: str | None,
    record_figure: Record,
) -> None:
    bench, faults = argilla_bench, list[str]()
    email, password = bench.people[2]
    path = bench.workspace.path / "chatfeedback.yaml"
    if "\nchat:" not in path.read_text("utf-8"):
        path.write_text(path.read_text("utf-8") + CHAT, "utf-8")
    with (
        Workspace.open(bench.workspace.path) as workspace,
        running(replace(bench, workspace=workspace)) as server,
    ):
        context = browser.new_context(bypass_csp=True)  # for axe, which is put into the page
        page = context.new_page()
        page.goto(f"{server.address}/chat")
        page.get_by_label("User name").fill(email)
        page.get_by_label("Password").fill(password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Chat")).to_be_visible()
        expect(page.get_by_text("This chat is recorded")).to_be_visible()

        # no points, no chat: said kindly, with what was written kept, and a way to tasks
        prompt = f"How do I close a loop, {secrets.token_hex(4)}?"
        page.get_by_label("Your message").fill(prompt)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("alert")).to_contain_text("Not enough points")
        expect(page.get_by_label("Your message")).to_have_value(prompt)
        faults += look_at(page, axe, "no-points")
        page.get_by_role("link", name="See what waits for you").click()
        expect(page.locator(".card a").first).to_have_attribute("href", re.compile(re.escape(bench.url)))

        # a task is answered where it is shown, and its points come to the open page
        at = visit(bench.url)
        enter(at, email, password)
        tasks = bench.tasks("preference")
        open_dataset(at, tasks)
        promised = tasks[record_shown(at.page)].task.quote["preference"]
        choose(at.page, "preference", "a")
        with watching(bench):
            press(at.page, "Submit")
            begun = time.monotonic()
            expect(page.locator("#points dd").first).to_contain_text(f"{promised}", timeout=WAIT_MS)
        record_figure("seconds from submission to page", round(time.monotonic() - begun, 2))

        # they buy an answer; after a low score two others stand side by side, and the chosen one goes on
        page.goto(f"{server.address}/chat")
        faults += look_at(page, axe, "new-chat")
        page.get_by_label("Your message").fill(prompt)
        page.get_by_role("button", name="Send").click()
        page.get_by_role("button", name="Bad", exact=True).click()
        faults += look_at(page, axe, "answered")
        page.get_by_role("button", name="Two other answers").click()
        expect(page.locator(".two .card")).to_have_count(2)
        expect(page.locator("#heard")).to_contain_text(re.compile("Answer A.*Answer B", re.DOTALL))
        faults += look_at(page, axe, "two")
        left, right = (each.inner_text() for each in page.locator(".two .turn").all())
        page.get_by_role("button", name="B is better").click()
        expect(page.locator(".card.assistant .turn")).to_have_text(right)
        expect(page.get_by_text(f"You have {promised - 3} point")).to_be_visible()

        # the pair is in the next export, once its giver shared it
        page.goto(f"{server.address}/me/chats")
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="Publish the chosen now").click()
        expect(page.get_by_role("status")).to_be_visible()
        pair = {(right, left)}
        assert pair <= pairs_in(bench, tmp_path / "before")

        # it becomes tasks, once its answers have seed feedback
        bench.command("seed")
        bench.command("generate")
        bench.command("push")
        placed = shown_on_argilla(bench, prompt)
        assert placed

        # its giver deletes it: it is gone everywhere
        page.goto(f"{server.address}/me/chats")
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="Delete the chosen").click()
        page.get_by_role("button", name="Delete for good").click()
        expect(page.get_by_role("heading", name="Deleted")).to_be_visible()
        expect(page.locator(".card")).to_contain_text("Receipt")
        expect(page.locator(".card")).to_contain_text(f"Argilla: {counted(len(placed), 'task')} taken off")
        expect(page.locator(".card")).to_contain_text("before")
        expect(page.locator("main")).not_to_contain_text(str(tmp_path))
        faults += look_at(page, axe, "receipt")
        page.goto(f"{server.address}/me/chats")
        expect(page.get_by_text(prompt)).to_have_count(0)
        assert not pair & pairs_in(bench, tmp_path / "after")
        assert shown_on_argilla(bench, prompt) == []
        files = [it for it in bench.workspace.path.rglob("*") if it.is_file()]
        assert [it for it in files if prompt.encode() in it.read_bytes()] == []
        context.close()
    assert faults == []


def shown_on_argilla(bench: Bench, text: str) -> list[str]:
    """Return the ids of the records that Argilla itself has with a text in them."""
    key = os.environ[KEY_VARIABLE]
    found: list[str] = []
    with httpx.Client(base_url=bench.url, headers={"X-Argilla-Api-Key": key}) as argilla:
        with bench.workspace.store.read() as connection:
            datasets = sorted(containers(connection, bench.platform))
        for dataset in datasets:
            for offset in itertools.count(0, 100):
                page = argilla.get(
                    f"/api/v1/datasets/{dataset}/records", params={"limit": 100, "offset": offset}
                )
                records = page.raise_for_status().json()["items"]
                found += [it["id"] for it in records if text in json.dumps(it["fields"], ensure_ascii=False)]
                if len(records) < 100:
                    break
    return found


def pairs_in(bench: Bench, folder: Path) -> set[tuple[str, str]]:
    """Export pairs, as the lead does; return the chosen and the rejected text of each."""
    bench.command("export", "dpo", "--output", str(folder), "--any-licence")
    rows = [
        row
        for file in sorted((folder / "data" / "trl").glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]

    def said(message: str | dict[str, str]) -> str:  # JSON where other prompts call tools
        found = json.loads(message) if isinstance(message, str) else message
        return str(found["content"])

    return {(said(row["chosen"][-1]), said(row["rejected"][-1])) for row in rows}


def give_chats(bench: Bench, email: str, folder: Path) -> None:
    log = folder / "chats.jsonl"
    rows = [
        {
            "conversation_id": f"{email}-{number}",
            "conversation": [
                {"role": "user", "content": f"{'W' * 90} how do I {number}? " + "and then? " * 30},
                {"role": "assistant", "content": "```python\n" + "x" * 200 + "\n```"},
            ],
            "model_name": "a-model-with-a-long-name-" * 3,
            "user_id": email,
            "timestamp": utc_now().isoformat(),
            "source": "https://chat.example.org",
            "user_metadata": {},
            "conversation_metadata": {},
        }
        for number in range(3)
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    steps.ingest_file(bench.workspace, log)


def one_chat(bench: Bench, email: str) -> str:
    from urllib.parse import quote

    return f"/me/chats/one?id={quote(f'{email}-0')}"
