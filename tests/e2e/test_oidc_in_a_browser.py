"""Signing in by an OpenID provider in a real Chromium, with scripts and without: the provider is oidc-provider-mock, a
server of another project that runs here (its pages ask for no password).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from chatfeedback import steps
from tests.e2e.conftest import FAULTS
from tests.unit.chatfeedback.web.chat_site import chat_workspace, person_with, running
from workspaces.servers.managed import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

pytestmark = pytest.mark.browser

SHOTS = os.environ.get("CHATFEEDBACK_SHOTS")
"""A folder for screenshots, to be looked at."""

START_SECONDS = 30


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that knows three accounts."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true"]
    for subject in ("ada-1", "ada-2", "stranger"):
        command += ["--user", subject]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address, until = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"{address}/.well-known/openid-configuration").raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < until
                assert process.poll() is None
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(
    ("subject", "scripts", "width", "scheme"),
    [("ada-1", True, 1280, "light"), ("ada-2", False, 360, "dark")],
)
def test_an_account_is_added_by_a_link_and_opens_the_page_the_next_time(
    browser: Browser,
    axe: str | None,
    provider: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    subject: str,
    scripts: bool,
    width: int,
    scheme: str,
) -> None:
    monkeypatch.setenv("OIDC_SECRET", "any")
    oidc = {"issuer": provider, "client_id": "page", "client_secret_env": "OIDC_SECRET", "name": "Example"}
    with chat_workspace(tmp_path / "w", web={"oidc": oidc}) as workspace, running(workspace) as address:
        ada = person_with(workspace, "ada", 7)
        link = f"{address}/link/{steps.make_sign_in_link(workspace, ada, timedelta(hours=1))}"
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
        )
        page, elsewhere, said = context.new_page(), list[str](), list[str]()
        ours = (address, provider)
        context.route(
            lambda url: not url.startswith(ours), lambda route: route.abort()
        )  # the provider's style

        def note(asked: Request) -> None:
            if asked.frame.url.startswith(address) and not asked.url.startswith(ours):
                elsewhere.append(asked.url)

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error" and message.location["url"].startswith(address):
                said.append(message.text)

        page.on("request", note)
        page.on("console", hear)

        page.goto(link)
        look(page, "oidc-link", width, scheme)
        page.get_by_role("button", name="Sign in, and add an account at Example").click()
        look(page, "oidc-add", width, scheme)
        page.get_by_role("button", name="Add an account at Example").click()
        page.get_by_role("button", name=subject).click()
        expect(page.get_by_role("status")).to_contain_text("From now on you can sign in with Example")
        look(page, "oidc-added", width, scheme)
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("main")).to_contain_text("You may still be signed in at Example")

        page.goto(f"{address}/chat/keys")  # and back there, once signed in
        page.get_by_role("button", name="Sign in with Example").click()
        page.get_by_role("button", name=subject).click()
        expect(page.get_by_role("heading", name="Keys for programs")).to_be_visible()
        page.goto(f"{address}/me")
        expect(page.locator("main")).to_contain_text(ada)
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("main")).to_contain_text("You may still be signed in at Example")
        look(page, "oidc-signed-out", width, scheme)
        page.get_by_role("link", name="To sign in").click()

        assert said == [], "the browser found nothing to complain of until here"
        page.get_by_role("button", name="Sign in with Example").click()
        page.get_by_role("button", name="stranger").click()
        expect(page.get_by_role("alert")).to_contain_text("Ask the lead of the project for a link")
        look(page, "oidc-nobody", width, scheme)
        page.get_by_role("link", name="To sign in").click()
        look(page, "oidc-sign-in", width, scheme)
        page.get_by_role("button", name="Sign in with Example").click()
        page.get_by_role("button", name="Deny").click()
        expect(page.get_by_role("alert")).to_contain_text("did not say who you are")
        context.close()
        assert elsewhere == []
        if scripts and axe is not None:
            assert (
                faults_on(browser, address, steps.make_sign_in_link(workspace, ada, timedelta(hours=1)), axe)
                == []
            )


def faults_on(browser: Browser, address: str, token: str, axe: str) -> list[str]:
    """Return what axe-core finds on the pages that name the provider."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, bypass_csp=True)
    page, faults = context.new_page(), list[str]()
    for path in ("/sign-in", f"/link/{token}", "/me/oidc", "/me/settings", "/oidc/callback"):
        page.goto(f"{address}{path}")
        page.evaluate(axe)
        faults += [f"{path}: {it}" for it in page.evaluate(FAULTS)]
        if path.startswith("/link/"):
            page.get_by_role("button", name="Sign in", exact=True).click()
    context.close()
    return faults


def look(page: Page, name: str, width: int, scheme: str) -> None:
    """Check that a page fits, and keep a picture of it."""
    page.wait_for_load_state("load")
    size = page.viewport_size
    assert size is not None
    assert page.locator("body").bounding_box()["width"] <= size["width"]  # type: ignore[index]
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
