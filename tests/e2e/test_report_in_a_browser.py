"""The report's page in a real Chromium without a network: everything is there, and nothing is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest

from chatfeedback.report import write_report
from tests.defined import defined
from tests.filled_workspace import fill

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CONTRAST = """
() => {
  const channel = v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  const of = colour => {
    const ink = luminance(colour);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  };
  const texts = [...document.querySelectorAll("p, li, td, th, a, figcaption, svg text")];
  return Math.min(...texts.map(each => of(getComputedStyle(each)[each.matches("text") ? "fill" : "color"])));
}
"""
"""The least contrast of any text with the page; WCAG AA asks for 4.5."""


ColorScheme: TypeAlias = Literal["light", "dark"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with fill(tmp_path_factory.mktemp("report") / "w") as workspace:
        return write_report(workspace).written.page


def opened(
    browser: Browser, report: Path, width: int, scheme: ColorScheme
) -> tuple[Page, list[str], list[str]]:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    return page, asked, said


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (1366, "dark"), (390, "light")])
def test_the_page_opens_offline_shows_its_plots_and_asks_for_nothing(
    browser: Browser, report: Path, width: int, scheme: ColorScheme
) -> None:
    page, asked, said = opened(browser, report, width, scheme)
    assert asked == [report.as_uri()]
    assert said == []
    plots = page.get_by_role("img")
    assert plots.count() == 17
    for plot in plots.all():
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > 150
        assert box["height"] > 80
    assert page.get_by_role("heading", name="What to do next").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) >= 4.5
    page.context.close()


def test_the_links_of_the_page_lead_to_its_sections_and_tables(browser: Browser, report: Path) -> None:
    page, _, _ = opened(browser, report, 1366, "light")
    page.get_by_role("link", name="Growth").click()
    assert page.url.endswith("#growth")
    assert defined(page.get_by_role("heading", name="Growth").bounding_box())["y"] < 800
    context = page.context
    with page.expect_download() as download:
        page.locator("#agreement").get_by_role("link", name="Parquet").click()
    assert download.value.suggested_filename == "agreement.parquet"
    context.close()
