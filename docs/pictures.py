"""Takes pictures of every page that a person sees: ``uv run python docs/pictures.py FOLDER``.

Each platform gets a workspace in FOLDER with a real server; ``docs/pictures/chat_logs.jsonl`` becomes its tasks, and
annotators sign in with a real Chromium. FOLDER then holds ``PLATFORM-PAGE-WIDTH.png`` for windows of 1440, 1024 and
390 pixels, one annotator for each. ``--only NAME`` takes those of one platform.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, ViewportSize

CHAT_LOGS = Path(__file__).with_name("pictures") / "chat_logs.jsonl"
WINDOWS: tuple[ViewportSize, ...] = (
    {"width": 1440, "height": 900},
    {"width": 1024, "height": 768},
    {"width": 390, "height": 844},
)
TIMEOUT_MS = 20_000
SETTLE_MS = 700
"""How long a page may still move before its picture is taken."""

CONFIGURATION = """\
version: 1
platforms: {{{platform}: {{url: managed}}}}
mix: {{kinds: {{qualitative: 1, preference: 1}}, overlap: 4, show_seed: 0.5}}
rates:
  bonuses: {{streak_day: 2, newcomer_answer: 1, newcomer_answers: 5, accepted_rewrite: 5}}
  points_per_day: 300
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser window of one annotator, and where its pictures go."""

    page: Page
    url: str
    email: str
    password: str
    folder: Path
    name: str

    def shot(self, what: str, *, full_page: bool = False) -> None:
        """Take a picture of the window once it has come to rest."""
        self.page.wait_for_timeout(SETTLE_MS)
        width = self.page.viewport_size["width"] if self.page.viewport_size else 0
        path = self.folder / f"{self.name}-{what}-{width}.png"
        self.page.screenshot(path=path, animations="disabled", full_page=full_page)


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=tuple(VISITS))
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        for name in [arguments.only] if arguments.only else VISITS:
            workspace = folder / f"workspace-{name}"
            try:
                visit_platform(browser, name, workspace, folder)
            finally:
                command(workspace, "down")


def visit_platform(browser: Browser, name: str, workspace: Path, folder: Path) -> None:
    """Make a workspace, and let one annotator for each window look at its tasks."""
    people = prepared(name, workspace)
    url = command(workspace, "up")[name]["url"]
    for window, (email, password) in zip(WINDOWS, people.items(), strict=True):
        context = browser.new_context(viewport=window, reduced_motion="reduce")
        context.set_default_timeout(TIMEOUT_MS)
        VISITS[name](Visit(context.new_page(), url, email, password, folder, name))
        context.close()
    for step in ("sync", "settle", "report"):
        command(workspace, step)
    for window in WINDOWS:
        context = browser.new_context(viewport=window, reduced_motion="reduce")
        page = context.new_page()
        page.goto((workspace / "reports" / "latest" / "report.html").as_uri())
        Visit(page, "", "", "", folder, f"{name}-report").shot("page", full_page=True)
        context.close()


def prepared(name: str, workspace: Path) -> dict[str, str]:
    """Make a workspace with pushed tasks and return its annotators' passwords by address; a second call finds them."""
    passwords = workspace / "annotators.json"
    if not passwords.exists():
        Workspace.create(workspace, CONFIGURATION.format(platform=name)).close()
        command(workspace, "up")
        command(workspace, "ingest", str(CHAT_LOGS), "--publish")
        for step in ("seed", "generate", "push"):
            command(workspace, step)
        emails = [f"{who}@example.org" for who in ("ada", "ben", "cleo")]
        invited = command(workspace, "people", "invite", *emails)["invited"]
        passwords.write_text(json.dumps({it["email"]: it["password"] for it in invited}), encoding="utf-8")
    people: dict[str, str] = json.loads(passwords.read_text(encoding="utf-8"))
    return people


def visit_argilla(visit: Visit) -> None:
    """Sign in to Argilla and look at every task and at the guidelines, then answer one."""
    page = visit.page
    page.goto(f"{visit.url}/sign-in")
    page.locator("input[name=Username]").wait_for()
    visit.shot("sign-in")
    page.locator("input[name=Username]").fill(visit.email)
    page.locator("input[name=Password]").fill(visit.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Your datasets").wait_for()
    visit.shot("home")
    for kind in ("preference", "qualitative"):
        page.goto(visit.url)
        page.get_by_text(kind, exact=True).first.click()
        page.locator(".chat__bubble").first.wait_for()
        panel = page.get_by_role("button", name="Expand Panel").filter(has_text="Guidelines", visible=True)
        if panel.count():
            panel.click()
            visit.shot(f"{kind}-guidelines")
            page.get_by_role("button", name="Collapse Panel").filter(visible=True).first.click()
        number = 0
        while True:
            number += 1
            visit.shot(f"{kind}-{number}")
            following = page.get_by_role("button", name="Next").filter(visible=True)
            if not following.count() or following.first.is_disabled():
                break
            following.first.click()


def visit_label_studio(visit: Visit) -> None:
    """Sign in to Label Studio and look at its pages, at every task and at the guidelines."""
    page = visit.page
    page.goto(f"{visit.url}/user/login/")
    page.locator("input[name=email]").wait_for()
    visit.shot("sign-in")
    page.locator("input[name=email]").fill(visit.email)
    page.locator("input[name=password]").fill(visit.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Recent Projects").wait_for(state="attached")
    visit.shot("home")
    page.goto(f"{visit.url}/projects/")
    page.get_by_text("Rate a response").wait_for()
    visit.shot("projects")
    for kind, title in (("preference", "Choose between two answers"), ("qualitative", "Rate a response")):
        page.goto(f"{visit.url}/projects/")
        page.get_by_text(title).first.click()
        page.get_by_text("Label All Tasks").wait_for()
        visit.shot(f"{kind}-tasks")
        page.get_by_text("Label All Tasks").click()
        page.get_by_text("Labeling Instructions").wait_for()
        visit.shot(f"{kind}-guidelines")
        page.keyboard.press("Escape")
        page.get_by_text("Labeling Instructions").wait_for(state="hidden")
        skip = page.get_by_test_id("bottombar-skip-button")
        number = 0
        while page.locator(".cfw-question").count():
            number += 1
            visit.shot(f"{kind}-{number}")
            skip.click()
            page.wait_for_timeout(SETTLE_MS)
        visit.shot(f"{kind}-done")


VISITS: dict[str, Callable[[Visit], None]] = {"argilla": visit_argilla, "label_studio": visit_label_studio}


def command(workspace: Path, *arguments: str) -> Any:  # JSON of any shape
    """Run the real command line; return the JSON that it prints."""
    line = [sys.executable, "-m", "chatfeedback", *arguments, "--json", "--workspace", str(workspace)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"chatfeedback {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else None


if __name__ == "__main__":
    main()
