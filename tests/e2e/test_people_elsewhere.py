"""People on other machines: a real Caddy with ``deploy/Caddyfile`` before a real Label Studio and the page."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from playwright.sync_api import expect

from chatfeedback import steps
from tests.e2e.hostile_chat_logs import write_chat_logs
from tests.e2e.test_label_studio_in_a_browser import choose, enter, label, open_project, press
from tests.e2e.test_the_web_page_in_a_browser import running
from tests.e2e.workplace import Bench, Visit
from workspaces.servers.managed import free_port
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = [pytest.mark.servers, pytest.mark.browser]

CADDYFILE = Path(__file__).parents[2] / "deploy" / "Caddyfile"
OPTIONS = """\
{{
	admin off
	auto_https disable_redirects
	local_certs
	skip_install_trust
	https_port {port}
	storage file_system {storage}
}}
import {caddyfile}
"""
"""Certificates of its own instead of those of an authority, on a port that needs no rights."""

CONFIGURATION = """\
version: 1
platforms: {{label_studio: {{port: {port}, address: "https://labels.{domain}"}}}}
web: {{address: "https://points.{domain}"}}
mix: {{kinds: {{preference: 1}}}}
select: {{skip_flags: [], near_duplicates: all}}
"""
STARTS_SECONDS = 30


class Elsewhere(NamedTuple):
    """A workspace as people elsewhere see it: the domain, and Label Studio's port on this machine."""

    bench: Bench
    domain: str
    port: int


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    if shutil.which("caddy") is None:
        pytest.skip("no Caddy: install it (Debian: apt-get install caddy)")
    folder = tmp_path_factory.mktemp("elsewhere")
    port, at = free_port(), free_port()
    domain = f"localhost:{at}"
    with Workspace.create(folder / "w", CONFIGURATION.format(port=port, domain=domain)) as workspace:
        bench = Bench(workspace, "label_studio", f"https://labels.{domain}")
        bench.command("up", "label-studio")
        try:
            with running(bench, f"https://points.{domain}") as page:
                ports = {"LABEL_STUDIO_PORT": str(port), "PAGE_PORT": str(page.port)}
                with caddy(folder, at, {**ports, "DOMAIN": domain}):
                    write_chat_logs(folder / "logs.jsonl", "elsewhere")
                    steps.ingest_file(workspace, folder / "logs.jsonl", publish=True)
                    steps.seed_responses(workspace)
                    steps.generate_tasks(workspace)
                    bench.command("push")
                    bench.invite(1)
                    yield Elsewhere(bench, domain, port)
        finally:
            bench.command("down")


@contextmanager
def caddy(folder: Path, at: int, environment: dict[str, str]) -> Iterator[None]:
    """Run a Caddy with our file on a port; it answers for each name when the block begins."""
    configuration = folder / "Caddyfile"
    options = OPTIONS.format(port=at, storage=folder / "caddy", caddyfile=CADDYFILE)
    configuration.write_text(options, encoding="utf-8")
    command = ["caddy", "run", "--config", str(configuration), "--adapter", "caddyfile"]
    environment = {**os.environ, "HOME": str(folder), **environment}
    with (
        (folder / "caddy.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            until = time.monotonic() + STARTS_SECONDS
            while not all(answers(f"{name}.localhost", at) for name in ("labels", "points")):
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def answers(name: str, port: int) -> bool:
    """Return whether a server on this machine shows a certificate for a name."""
    context = ssl._create_unverified_context()  # noqa: S323 - it is nobody's but its own
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except OSError:
        return False


def test_people_work_and_see_their_points_behind_a_proxy_with_tls(
    elsewhere: Elsewhere, browser: Browser, tmp_path: Path
) -> None:
    bench, domain, _ = elsewhere
    ((email, password),) = bench.people
    assert bench.command("people", "invite", email)["addresses"] == {"label_studio": bench.url}
    context = browser.new_context(ignore_https_errors=True)
    at = Visit(context.new_page(), bench.url, tmp_path)
    enter(at, email, password)
    tasks = bench.tasks("preference")
    open_project(at, tasks)
    label(at.page)
    choose(at.page, 0, "A is better")
    at.shot("label-studio")
    press(at.page, "submit")
    assert at.violations == []
    assert [it for it in at.requests if not it.startswith((f"{bench.url}/", "data:", "blob:"))] == []
    balance, _ = bench.collect(email)
    assert balance > 0

    page = context.new_page()
    page.goto(f"https://points.{domain}/me")
    page.get_by_label("User name").fill(email)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    expect(page.locator("#points")).to_contain_text(str(balance))
    (project,) = {placed.container_id for placed in tasks.values()}
    expect(page.locator(".card a").first).to_have_attribute("href", f"{bench.url}/projects/{project}/data")
    page.screenshot(path=tmp_path / "page.png")
    context.close()


def test_people_work_through_a_tunnel(elsewhere: Elsewhere, browser: Browser, tmp_path: Path) -> None:
    """A tunnel ends at another name of the loopback address, from which Label Studio's pages then load all."""
    bench, _, port = elsewhere
    context = browser.new_context()
    at = Visit(context.new_page(), f"http://localhost:{port}", tmp_path)
    enter(at, *bench.people[0])
    open_project(at, bench.tasks("preference"))
    label(at.page)
    choose(at.page, 0, "B is better")
    press(at.page, "submit")
    assert at.violations == []
    assert [it for it in at.requests if not it.startswith((f"{at.url}/", "data:", "blob:"))] == []
    context.close()
