"""The report's page: complete, self-contained, the same every time, and deaf to what strangers wrote."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from typer.testing import CliRunner

from chatfeedback.cli import app
from chatfeedback.report import Figure, Reported, Section, SectionTable, write_report
from chatfeedback.report.page import render
from chatfeedback.report.plots import Bar, Dot, Interval, bars, intervals, matrix, scatter
from tests.filled_workspace import fill
from tests.sample_records import NOW, annotation, chat, seeds_of, task
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.flags import save_findings
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.snapshots import GroupFigures, save_snapshot
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.records import Annotation
    from workspaces.workspace import Workspace

HOSTILE = "</text><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)> & \"q\" 'a'"
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "p", "dl", "div", "dt", "dd",
    "nav", "a", "section", "ol", "li", "figure", "figcaption", "svg", "line", "text", "circle", "polygon", "rect",
    "table", "caption", "span", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would make of a page: its elements, and the text outside of the style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with fill(tmp_path_factory.mktemp("report") / "w") as workspace:
        yield workspace


@pytest.fixture(scope="module")
def reported(filled: Workspace) -> Reported:
    return write_report(filled)


@pytest.fixture(scope="module")
def page(reported: Reported) -> Page:
    return Page(reported.written.page.read_text(encoding="utf-8"))


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_harmless(page: Page) -> None:
    """Nothing loads, nothing runs, and nothing stands on the page that we do not draw."""
    assert {tag for tag, _ in page.elements} <= TAGS
    for _, attributes in page.elements:
        assert not {
            name for name in attributes if name.startswith("on") or name in ("src", "srcset", "style")
        }
        for value in (attributes.get("href", ""), attributes.get("action", "")):
            assert re.fullmatch(r"(#[a-z_-]+|tables/[a-z_]+\.(csv|parquet))?", value)
    (policy,) = [one for one in page.named("meta") if "http-equiv" in one]
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_page_loads_nothing_and_runs_nothing(page: Page, reported: Reported) -> None:
    check_harmless(page)
    html = reported.written.page.read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import|https?://|<script", html)


def test_the_page_begins_with_what_to_do_next(page: Page) -> None:
    sections = [one["id"] for one in page.named("section")]
    assert sections == [
        "next", "agreement", "agreement-by", "models", "equal-style", "people", "time", "screening", "seeds", "judges",
        "significance", "growth",
    ]  # fmt: skip
    assert "Ask one more person about" in page.text
    assert "Talk to" in page.text
    assert re.search(r"Make \d questions clearer: people disagree about 'toxic'", page.text)


def test_a_time_that_rests_on_upper_bounds_is_called_one_and_none_is_nought(page: Page) -> None:
    assert re.search(
        r"A qualitative task takes at most [\d.]+ seconds in the median of \d+ answers", page.text
    )
    assert not re.search(r"takes (at most )?(0|1) seconds", page.text)


def test_every_plot_has_words_for_who_cannot_see_it_and_a_caption(page: Page) -> None:
    plots = page.named("svg")
    assert len(plots) == 1 + 2 + 1 + 1 + 6 + 1 + 3 + 2
    assert all(plot["role"] == "img" and len(plot["aria-label"]) > 20 for plot in plots)
    assert len(page.named("figcaption")) == len(page.named("figure")) == len(plots)


def test_no_two_columns_of_a_table_have_the_same_heading(reported: Reported) -> None:
    html = reported.written.page.read_text(encoding="utf-8")
    tables = [
        re.findall(r"<th[^>]*>([^<]*)</th>", table) for table in re.findall(r"(?s)<table.*?</table>", html)
    ]
    assert len(tables) > 5
    for headings in tables:
        assert len({heading.strip() for heading in headings}) == len(headings)


def test_links_lead_somewhere_and_ids_are_unique(page: Page, reported: Reported) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in page.named("a"):
        target = link["href"]
        assert (
            target[1:] in ids if target.startswith("#") else (reported.written.page.parent / target).is_file()
        )


@pytest.mark.slow
def test_the_same_answers_give_the_same_files(filled: Workspace, reported: Reported) -> None:
    folder = reported.written.page.parent
    before = files_of(folder)
    again = write_report(filled)
    assert files_of(again.written.page.parent) == before
    assert {path.name for path in folder.parent.iterdir()} == {"latest"}


@pytest.mark.slow
def test_a_run_that_was_killed_leaves_nothing_that_stays(filled: Workspace, reported: Reported) -> None:
    folder = reported.written.page.parent
    before = files_of(folder)
    for name in (".latest.new", ".latest.old"):
        (folder.parent / name / "tables").mkdir(parents=True)
        (folder.parent / name / "tables" / "half.csv").write_text("half")
    shutil.rmtree(folder)
    write_report(filled)
    assert files_of(folder) == before
    assert {path.name for path in folder.parent.iterdir()} == {"latest"}


@pytest.mark.slow
def test_csv_and_parquet_hold_the_same_and_json_too(filled: Workspace, reported: Reported) -> None:
    folder = reported.written.page.parent / "tables"
    ran = CliRunner().invoke(app, ["report", "--json", "-w", str(filled.path)])
    told = json.loads(ran.stdout)
    assert told["page"] == str(reported.written.page)
    assert told["n_votes"] == reported.report.n_votes
    assert set(told["tables"]) == {path.stem for path in folder.glob("*.csv")}
    for name, rows in told["tables"].items():
        stored = pd.read_parquet(folder / f"{name}.parquet")
        pd.testing.assert_frame_equal(
            pd.read_csv(folder / f"{name}.csv"), stored, check_dtype=False, rtol=1e-12
        )
        assert len(stored) == len(rows) > 0


@pytest.mark.slow
def test_the_command_names_the_page(filled: Workspace) -> None:
    ran = CliRunner().invoke(app, ["report", "-w", str(filled.path)])
    assert ran.exit_code == 0
    assert str(filled.path / "reports" / "latest" / "report.html") in ran.output.replace("\n", "")


def test_people_are_told_how_often_they_are_right_and_steady(reported: Reported) -> None:
    people = reported.written.tables["people"]
    assert (people["gold_votes"] > 0).any()
    checked = people.dropna(subset=["gold_right"])
    assert checked["gold_right"].between(0, checked["gold_votes"]).all()
    assert checked["gold_accuracy"].between(0, 1).all()
    assert (people["repeated_votes"] > 0).any()


def test_nobody_is_named(page: Page, reported: Reported) -> None:
    folder = reported.written.page.parent
    assert not re.search(rb"simulated\.invalid|\bada\b|\bchidi\b", b"".join(files_of(folder).values()))
    assert "pseudonyms" in page.text


# Hardly anything, and hostile things


def test_an_empty_workspace_gives_a_page_that_says_so(workspace: Workspace) -> None:
    found = write_report(workspace)
    page = Page(found.written.page.read_text(encoding="utf-8"))
    assert "There are no submitted answers yet" in page.text
    assert [one["id"] for one in page.named("section")] == ["next"]
    assert found.written.tables == {}


def revision(one: Annotation) -> AnnotationRevision:
    return AnnotationRevision(
        annotation_id=one.id, revision=1, task_id=one.task_id, person_id=one.person_id,
        platform="argilla", response_id=one.id, status=one.status, answers=dict(one.values),
        content_hash="h", updated_at=NOW, synced_at=NOW,
    )  # fmt: skip


def test_what_strangers_wrote_stays_text_on_the_page_and_in_spreadsheets(workspace: Workspace) -> None:
    formula = '=HYPERLINK("http://evil.example")'
    ids = (HOSTILE, formula)
    tasks = [replace(task(f"t{n}", {}), message_ids=(one,), overlap=2) for n, one in enumerate(ids)]
    (seed,) = seeds_of([chat("c", "why?", "because")]).values()
    with workspace.store.write() as connection:
        save_tasks(connection, tasks)
        save_seeds(
            connection, [replace(seed, message_id=HOSTILE, agent=HOSTILE, prompt_version=HOSTILE[:30])]
        )
        answers = [
            annotation(each.id, person, {"helpful": tag, "toxic": "no"})
            for each in tasks
            for person, tag in (("p", "yes"), ("q", "no"))
        ]
        save_revisions(connection, [revision(one) for one in answers])
    found = write_report(workspace)
    page = Page(found.written.page.read_text(encoding="utf-8"))
    check_harmless(page)
    assert HOSTILE in page.text  # said as it is spelled
    assert any(HOSTILE in plot["aria-label"] for plot in page.named("svg"))
    folder = found.written.page.parent / "tables"
    items = pd.read_csv(folder / "items_to_reroute.csv")["item"]
    assert set(items) == {HOSTILE, f"'{formula}"}
    assert set(pd.read_parquet(folder / "items_to_reroute.parquet")["item"]) == {HOSTILE, formula}


def test_open_flags_and_published_groups_have_sections_of_their_own(workspace: Workspace) -> None:
    groups: list[GroupFigures] = [{"group": {"age_band": HOSTILE}, "people": 15}]
    answered: list[GroupFigures] = [
        {
            "group": {},
            "answers": {"yes": 0.6, "no": 0.4},
            "agreement": {"in_group": 0.5, "across": 0.4, "ratio": 1.25},
        }
    ]
    with workspace.store.write() as connection:
        agreement = {"answers": 40, "agree_with_others": 0.4, "crowd_agrees": 0.7, "items": [HOSTILE]}
        save_findings(connection, [("p1", "guessing", agreement, 40)], NOW)
        save_snapshot(connection, "people", 1, {"groups": groups, "tables": [["age_band"]]}, "sealed", NOW)
        save_snapshot(connection, "helpful", 1, {"groups": answered, "tables": [[]]}, "sealed", NOW)
    found = write_report(workspace)
    page = Page(found.written.page.read_text(encoding="utf-8"))
    check_harmless(page)
    assert [one["id"] for one in page.named("section")] == ["next", "screening", "demographics"]
    (flag,) = found.written.tables["screening_flags"].itertuples(index=False)
    assert (flag.person, flag.reason, flag.rests_on) == ("p1", "guessing", "40 votes")
    assert flag.evidence == "agrees with the others in 40% of 40 votes; the crowd in 70%"
    table = found.written.tables["demographics"].set_index("layer")
    assert table.loc["people", "people"] == 15
    assert (table.loc["helpful", "answers"], table.loc["helpful", "ratio"]) == ("yes 60%, no 40%", 1.25)
    assert "sealed" not in page.text


def test_names_below_bars_do_not_touch() -> None:
    hours = [f"26 Nov {hour % 24:02}:00" for hour in range(48)]
    drawn = bars([Bar(hour, 3) for hour in hours], "Answers", "Answers")
    places = [float(place) for place in re.findall(r'<text[^>]* x="([\d.]+)"[^>]*>26 Nov', drawn)]
    assert len(places) > 3
    assert min(after - before for before, after in pairwise(places)) > 7 * len(hours[0])


def test_every_text_of_every_part_is_escaped() -> None:
    plots = [
        intervals([Interval(HOSTILE, 0.5, 0.1, 0.9, group=HOSTILE), Interval(HOSTILE, None, note=HOSTILE)],
                  HOSTILE, ticks=[0, 1], lines={0.5: HOSTILE}),
        scatter([Dot(3, 0.5, 0.4, 0.6, HOSTILE)], HOSTILE, HOSTILE, HOSTILE),
        matrix([HOSTILE, "b"], [[1, 2], [3, 4]], HOSTILE, HOSTILE, rows=HOSTILE, columns=HOSTILE),
        bars([Bar(HOSTILE, 3)], HOSTILE, HOSTILE),
    ]  # fmt: skip
    table = SectionTable("name", HOSTILE, pd.DataFrame({"a": [HOSTILE]}), {"a": HOSTILE})
    section = Section(
        "anchor", HOSTILE, (HOSTILE,), (HOSTILE,), tuple(Figure(plot, HOSTILE) for plot in plots), (table,)
    )
    page = Page(render([section], {HOSTILE: 1}, HOSTILE))
    check_harmless(page)
    assert page.text.count(HOSTILE) > 20


def test_cells_are_spelled_for_people() -> None:
    rows = pd.DataFrame(
        {
            "n": [1234, 5],
            "share": [0.126, None],
            "yes": [True, False],
            "whole": pd.array([7, None], dtype="Int64"),
        }
    )
    html = render([Section("a", "A", tables=(SectionTable("t", "T", rows),))], {}, "")
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", html)
    assert cells == ["1,234", "0.13", "yes", "7", "5", "–", "no", "–"]


def test_a_long_table_shows_its_first_rows_and_says_how_many_there_are() -> None:
    rows = pd.DataFrame({"n": range(1500)})
    html = render([Section("a", "A", tables=(SectionTable("t", "T", rows),))], {}, "")
    assert html.count("<tr>") == 21
    assert "The first 20 of 1,500." in html


def test_a_plot_of_hundreds_of_people_leaves_out_their_intervals() -> None:
    dots = [Dot(n, 0.5, 0.4, 0.6, f"p{n}") for n in range(1, 400)]
    assert scatter(dots, "many", "x", "y").count("whisker") == 0
    assert scatter(dots[:20], "few", "x", "y").count("whisker") == 20
