"""The lead's pages in a real Chromium: at a phone's and a desk's width, light and dark, live, and by keyboard."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from chatfeedback.report import write_report
from chatfeedback.web.server import Server
from tests.e2e.workplace import picture
from tests.filled_workspace import fill
from workspaces.records import AnnotationStatus
from workspaces.store.annotations import append_revisions, deleted, revisions_by
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from workspaces.workspace import Workspace

pytestmark = pytest.mark.browser

PAGES = (
    "/lead",
    "/lead/people",
    "/lead/messages",
    "/lead/review",
    "/lead/conversations",
    "/lead/runs",
    "/lead/table/people",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str]]:
    with fill(tmp_path_factory.mktemp("lead") / "w") as workspace:
        write_report(workspace)  # it also screens: there are flags
        server = Server(workspace, port=0)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield workspace, server.address
        server.stop()
        thread.join(20)


def busiest(workspace: Workspace) -> str:
    from chatfeedback.directory import directory

    with workspace.store.read() as connection:
        return directory(connection)[0].person_id


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (360, "dark"), (1280, "light"), (1280, "dark")]
)
def test_the_pages_fit_load_nothing_from_elsewhere_and_follow_the_store(
    browser: Browser, site: tuple[Workspace, str], width: int, scheme: str
) -> None:
    workspace, address = site
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{address}/link/{steps.make_sign_in_link(workspace, None, timedelta(hours=1))}")
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{address}/lead")
    page.wait_for_selector("text=What to do next", timeout=30_000)
    for path in PAGES:
        page.goto(f"{address}{path}")
        page.wait_for_load_state("load")
        too_wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert too_wide <= 0, f"{path} is {too_wide} pixels wider than the window"
        picture(page, f"{path.strip('/').replace('/', '-')}-{width}-{scheme}")
    page.goto(f"{address}/lead")
    answers = page.locator("dl dd a").first
    before = int(answers.inner_text().replace(",", ""))
    with workspace.store.write() as connection:
        mine = {each.annotation_id: each for each in revisions_by(connection, busiest(workspace))}
        standing = [each for each in mine.values() if each.status is AnnotationStatus.SUBMITTED]
        append_revisions(connection, [deleted(standing[0], utc_now())])
    page.wait_for_function(
        "before => parseInt(document.querySelector('dl dd a').textContent.replace(',', '')) < before",
        arg=before,
        timeout=20_000,
    )
    assert all(url.startswith(address) for url in asked)
    assert not said
    context.close()
