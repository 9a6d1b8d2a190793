"""Fixtures of the browser tests: a Chromium, and a workspace on each platform."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import ViewportSize, expect, sync_playwright

from chatfeedback import steps
from tests.e2e.hostile_chat_logs import write_chat_logs
from tests.e2e.workplace import RUBRICS, Bench, Visit
from workspaces.kinds import declared_kinds
from workspaces.records import Display
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.shared_servers import TestServer

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # nothing leaves this machine: the tests are the same with and without a network
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost, EXCLUDE *.localhost",
]
WINDOW: ViewportSize = {"width": 1366, "height": 768}
"""The most common laptop screen."""

TIMEOUT_MS = 20_000
ANNOTATORS = 5
"""One for each test of a platform."""

KEY_VARIABLE = "CHATFEEDBACK_E2E_KEY"

AXE = "axe-core@4.14.1"
FAULTS = """
async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']}))
  .violations.map(it => `${it.impact} ${it.id}: ${it.nodes.map(node => node.html.slice(0, 120)).join(' | ')}`)
"""
"""What axe-core finds on a page that it was put into, in words."""

CONFIGURATION = """\
version: 1
platforms:
  {platform}: {{url: "{url}", api_key_env: {variable}{more}}}
mix: {{kinds: {kinds}, overlap: 4, show_seed: 1}}
display: {display}
select: {{skip_flags: [], near_duplicates: all}}
rubrics: {rubrics}
"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A Chromium without a window."""
    found = next(filter(None, map(shutil.which, ("/usr/bin/chromium", "chromium", "google-chrome"))), None)
    if found is None:
        pytest.skip(
            "no Chromium: install one (Debian: apt-get install chromium) or put google-chrome on the PATH"
        )
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """The text of axe-core; None where npm or the network is missing."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        return None
    packed = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, timeout=60, check=False)
    if packed.returncode:
        return None
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Open a fresh browser on a server, which ``overhears`` what its API answers."""
    contexts = []

    def opened(url: str, *, overhears: bool = False) -> Visit:
        context = browser.new_context(viewport=WINDOW, reduced_motion="reduce")
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        return Visit(context.new_page(), url, tmp_path, overhears)

    yield opened
    for context in contexts:
        for number, page in enumerate(context.pages):
            page.screenshot(path=tmp_path / f"end-{number}.png")
        context.unroute_all(behavior="wait")
        context.close()
    print(f"screenshots: {tmp_path}")


@pytest.fixture(scope="module")
def argilla_bench(argilla_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A workspace whose tasks stand on the Argilla of the tests, in an Argilla workspace of its own."""
    more = f", workspace: e2e-{secrets.token_hex(4)}"
    yield from _bench("argilla", argilla_server, more, tmp_path_factory.mktemp("e2e-argilla"))


@pytest.fixture(scope="module")
def label_studio_bench(
    label_studio_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """A workspace whose tasks stand on the Label Studio of the tests."""
    yield from _bench("label_studio", label_studio_server, "", tmp_path_factory.mktemp("e2e-label-studio"))


def _bench(platform: str, server: TestServer, more: str, folder: Path) -> Iterator[Bench]:
    kinds = dict.fromkeys([*declared_kinds(), "rubric_tutoring"], 1) | {"qualitative": 2}
    configuration = CONFIGURATION.format(
        platform=platform,
        url=server.url,
        variable=KEY_VARIABLE,
        more=more,
        kinds=json.dumps(kinds),
        rubrics=json.dumps(RUBRICS),
        display=Display.PLAIN,
    )
    with pytest.MonkeyPatch.context() as patch, Workspace.create(folder / "w", configuration) as workspace:
        patch.setenv(KEY_VARIABLE, server.api_key.get_secret_value())
        bench = Bench(workspace, platform, server.url.rstrip("/"))
        for display in Display:  # into the same datasets and projects
            path = workspace.path / "chatfeedback.yaml"
            path.write_text(re.sub("display: .*", f"display: {display}", path.read_text("utf-8")), "utf-8")
            logs = folder / f"{display}.jsonl"
            write_chat_logs(logs, display)
            steps.ingest_file(workspace, logs, publish=True)
            steps.seed_responses(workspace)
            steps.generate_tasks(workspace)
            # what talks to the platform runs as a command of its own: the SDKs stay out of this process
            bench.command("push")
            bench.note_display(display)
        bench.invite(ANNOTATORS)
        yield bench
