"""Takes pictures of every page that a person sees: ``uv run python docs/pictures.py FOLDER``.

Each platform gets a workspace in FOLDER with a real server, which is stopped at the end. The chat logs in
``docs/pictures/chat_logs.jsonl`` become its tasks, and annotators look at one task of each conversation with a real
Chromium. FOLDER then holds ``PLATFORM-PAGE-WIDTH.png`` for windows of 1440, 1024 and 390 pixels. A second run uses
the workspaces of the first. With ``--readme`` the picture of the README is written as well.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from workspaces.forms import Form
from workspaces.kinds import asked_kinds, kind_of
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from playwright.sync_api import Browser, Page, ViewportSize

PICTURES = Path(__file__).with_suffix("")
CHAT_LOGS = PICTURES / "chat_logs.jsonl"
README = PICTURES / "argilla.png"
OF_README = "Thyme, sage"
"""How the response begins that the task on the picture of the README asks about."""

WINDOWS: tuple[ViewportSize, ...] = (
    {"width": 1440, "height": 900},
    {"width": 1024, "height": 768},
    {"width": 390, "height": 844},
)
TIMEOUT_MS = 30_000
REST_MS = 700
"""How long a page may still move before its picture is taken."""

CONFIGURATION = """\
version: 1
platforms: {{{platform}: {{url: managed}}}}
mix: {{kinds: {kinds}, overlap: 4, show_seed: 0.5}}
rates:
  bonuses: {{streak_day: 2, newcomer_answer: 1, newcomer_answers: 5, accepted_rewrite: 5}}
  points_per_day: 300
people: {{contact: "Ada (ada@example.org)"}}
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
    forms: Mapping[str, str] = field(default_factory=dict)

    def shot(self, what: str, *, full_page: bool = False) -> Path:
        """Take a picture of the window once it has come to rest; return its path."""
        self.page.mouse.move(0, 0)  # off what shows a hint while it is pointed at
        self.page.wait_for_timeout(REST_MS)
        size = self.page.viewport_size
        path = self.folder / f"{self.name}-{what}-{size['width'] if size else ''}.png"
        self.page.screenshot(path=path, animations="disabled", full_page=full_page)
        return path


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=tuple(VISITS), help="the pages of one platform")
    parser.add_argument(
        "--kinds", nargs="+", default=list(asked_kinds()), help="the kinds of tasks; default: all"
    )
    parser.add_argument("--readme", action="store_true", help=f"write {README.name} for the README")
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
                visit_platform(browser, name, workspace, folder, arguments.kinds)
            finally:
                command(workspace, "down")
    if arguments.readme:
        shutil.copyfile(next(folder.glob("argilla-readme-1440.png")), README)


def visit_platform(browser: Browser, name: str, workspace: Path, folder: Path, kinds: Sequence[str]) -> None:
    """Make a workspace, let one annotator for each window look at its tasks, and look at the lead's pages."""
    people = prepared(name, workspace, kinds)
    forms = forms_in(workspace)
    url = command(workspace, "up")[name]["url"]
    for window, (email, password) in zip(WINDOWS, people.items(), strict=True):
        context = browser.new_context(viewport=window, reduced_motion="reduce")
        context.set_default_timeout(TIMEOUT_MS)
        VISITS[name](Visit(context.new_page(), url, email, password, folder, name, forms))
        context.close()
    for step in ("sync", "settle", "report"):
        command(workspace, step)
    statistics = workspace / "collection.html"
    command(workspace, "collection", "stats", "--html", str(statistics))
    pages = {"report": workspace / "reports" / "latest" / "report.html", "collection": statistics}
    for window in WINDOWS:
        context = browser.new_context(viewport=window, reduced_motion="reduce", offline=True)
        for what, path in pages.items():
            page = context.new_page()
            page.goto(path.as_uri())
            Visit(page, "", "", "", folder, name, workspace).shot(what, full_page=True)
        context.close()


def prepared(name: str, workspace: Path, kinds: Sequence[str]) -> dict[str, str]:
    """Make a workspace with pushed tasks, or find it; return its annotators' passwords by address."""
    passwords = workspace / "annotators.json"
    if not passwords.exists():
        Workspace.create(
            workspace, CONFIGURATION.format(platform=name, kinds=json.dumps(dict.fromkeys(kinds, 1)))
        ).close()
        command(workspace, "up")
        command(workspace, "ingest", str(CHAT_LOGS), "--publish")
        for step in ("seed", "generate", "push"):
            command(workspace, step)
        emails = [f"{who}@example.org" for who in ("ada", "ben", "cleo")]
        invited = command(workspace, "people", "invite", *emails)["invited"]
        passwords.write_text(json.dumps({it["email"]: it["password"] for it in invited}), encoding="utf-8")
    people: dict[str, str] = json.loads(passwords.read_text(encoding="utf-8"))
    return people


def forms_in(workspace: Path) -> dict[str, str]:
    """Return the forms that have tasks, as ``{name of the dataset: title of the project}``."""
    with Workspace.open(workspace) as opened, opened.store.read() as connection:
        asked = {(task.kind, len(task.message_ids)) for task in all_tasks(connection).values()}
    forms = (Form.of(kind_of(name).showing(responses)) for name, responses in sorted(asked))
    return {form.container: form.title for form in forms}


def visit_argilla(visit: Visit) -> None:
    """Sign in to Argilla, look at the guidelines and at a task of each conversation, and answer one."""
    page = visit.page
    page.goto(f"{visit.url}/sign-in")
    page.locator("input[name=Username]").wait_for()
    visit.shot("sign-in")
    page.locator("input[name=Username]").fill(visit.email)
    page.locator("input[name=Password]").fill(visit.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Your datasets").wait_for()
    visit.shot("home")
    bubbles = page.locator(".chat__bubble")
    for kind in visit.forms:
        open_dataset(visit, kind)
        bubbles.first.wait_for()
        panel = page.get_by_role("button", name="Expand Panel").filter(has_text="Guidelines", visible=True)
        panel.click()
        page.get_by_text("Your points").first.scroll_into_view_if_needed()
        visit.shot(f"{kind}-guidelines")
        page.get_by_role("button", name="Collapse Panel").filter(visible=True).first.click()
        seen: set[str] = set()
        while True:
            page.wait_for_timeout(REST_MS)
            if bubbles.last.inner_text().startswith(OF_README):
                visit.shot("readme")
            if (conversation := bubbles.first.inner_text()) not in seen:
                seen.add(conversation)
                bubbles.first.evaluate("it => it.scrollIntoView({block: 'center'})")
                visit.shot(f"{kind}-{len(seen)}")
                bubbles.last.evaluate("it => it.scrollIntoView({block: 'end'})")
                visit.shot(f"{kind}-{len(seen)}-end")
            following = page.get_by_role("button", name="Next").filter(visible=True).first
            if following.is_disabled():
                break
            following.click()
    if "preference" not in visit.forms:
        return
    open_dataset(visit, "preference")
    page.locator("label[for=preference_a]").click()
    page.get_by_label("Annotation Questions").get_by_role("button", name="Submit").click()
    visit.shot("submitting")
    page.goto(f"{page.url.partition('?')[0]}?page=1&status=submitted")
    bubbles.first.wait_for()
    visit.shot("submitted")


def open_dataset(visit: Visit, name: str) -> None:
    """Open a dataset from Argilla's home, which shows more of them the further down one looks."""
    visit.page.goto(visit.url)
    card = visit.page.get_by_text(name, exact=True)
    datasets = visit.page.locator(".dataset-list__content")
    datasets.get_by_text("Progress").first.wait_for()
    datasets.hover()
    for _ in range(2 * len(visit.forms)):
        visit.page.wait_for_timeout(REST_MS)
        if card.count():
            break
        visit.page.mouse.wheel(0, 500)
    card.first.click()


def visit_label_studio(visit: Visit) -> None:
    """Sign in to Label Studio, look at its pages, the guidelines and a task of each conversation, and answer one."""
    page = visit.page
    page.goto(f"{visit.url}/user/login/")
    page.locator("input[name=email]").wait_for()
    visit.shot("sign-in")
    page.locator("input[name=email]").fill(visit.email)
    page.locator("input[name=password]").fill(visit.password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Recent Projects").wait_for(state="attached")
    visit.shot("home")
    for kind, title in visit.forms.items():
        page.goto(f"{visit.url}/projects/")
        page.get_by_text(title, exact=True).first.wait_for()
        visit.shot("projects")
        page.get_by_text(title, exact=True).first.click()
        start = page.get_by_text("Label All Tasks")
        start.wait_for(state="attached")
        visit.shot(f"{kind}-tasks")
        start.click()
        page.get_by_text("Labeling Instructions").wait_for()
        visit.shot(f"{kind}-guidelines")
        page.keyboard.press("Escape")
        page.get_by_text("Labeling Instructions").wait_for(state="hidden")
        number = page.locator(".lsf-current-task__task-id")
        seen: set[str] = set()
        page.locator(".cfw-question").first.wait_for()
        while page.locator(".cfw-question").count():
            page.wait_for_timeout(REST_MS)
            if (conversation := page.locator(".cfw-turn").first.inner_text()) not in seen:
                seen.add(conversation)
                visit.shot(f"{kind}-{len(seen)}")
                page.locator(".cfw-question").last.evaluate("it => it.scrollIntoView({block: 'end'})")
                visit.shot(f"{kind}-{len(seen)}-end")
            before = number.inner_text()
            if kind == "preference" and len(seen) == 1:
                page.get_by_role("radio", name="A is better").check()
                page.get_by_test_id("bottombar-submit-button").click()
            else:
                page.get_by_test_id("bottombar-skip-button").click()
            page.wait_for_function(
                "before => document.querySelector('.lsf-current-task__task-id')?.innerText !== before",
                arg=before,
            )
            page.locator(".cfw-question").or_(
                page.get_by_text("No More Tasks Left in Queue")
            ).first.wait_for()
        visit.shot(f"{kind}-done")
    page.goto(f"{visit.url}/projects/")
    page.get_by_text(next(iter(visit.forms.values())), exact=True).first.click()
    page.get_by_text("Label All Tasks").wait_for(state="attached")
    visit.shot("own-answers")
    page.goto(f"{visit.url}/people/")
    page.get_by_text("This is closed to annotators").wait_for()
    visit.shot("closed")


VISITS: dict[str, Callable[[Visit], None]] = {"argilla": visit_argilla, "label_studio": visit_label_studio}


def command(workspace: Path, *arguments: str) -> Any:
    """Run the real command line; return the JSON that it prints."""
    line = [sys.executable, "-m", "chatfeedback", *arguments, "--json", "--workspace", str(workspace)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"chatfeedback {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout.strip() else None


if __name__ == "__main__":
    main()
