"""The lead's page: what to do next, how the work goes, and what waits for a decision. Only for who owns the project."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.routing import Route

from chatfeedback.web import lead_actions, lead_run
from chatfeedback.web.lead_figures import LiveFigures
from chatfeedback.web.lead_tables import ROWS, table_of
from chatfeedback.web.live import events
from chatfeedback.web.pages import render
from chatfeedback.web.sessions import Person, async_lead_needed, lead_needed
from chatfeedback.web.site import Link, Part, site_of
from workspaces.records import PersonState, SharingState
from workspaces.store.conversation_reports import reports
from workspaces.store.conversations import first_held
from workspaces.store.disputes import disputes
from workspaces.store.flags import FlagStatus, flags
from workspaces.store.groups import all_groups

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from chatfeedback.web.lead_figures import Figures

FIRST_WAIT_SECONDS = 0.1
"""How long a page waits for the first figures before it shows itself without them."""

SHOWN = 50
"""Held conversations, flags and disputes on a page."""

_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Card:
    """A figure: what it is called, its value, the address of its table, and the command that prints it."""

    title: str
    value: int
    path: str
    command: str


def live_figures(request: Request) -> LiveFigures:
    """Return the figures of the site; made when the lead first looks."""
    state, site = request.app.state, site_of(request)
    with _making:
        if not hasattr(state, "lead_figures"):
            state.lead_figures = LiveFigures(site.workspace, site.clock)
        found: LiveFigures = state.lead_figures
    return found


@lead_needed
def overview(request: Request, _lead: Person) -> Response:
    """Show the lead's page."""
    return _overview(request, "lead.html.jinja")


@lead_needed
def figures_part(request: Request, _lead: Person) -> Response:
    """Show its figures alone, for a page that is open while they change."""
    return _overview(request, "_lead_figures.html.jinja")


def _overview(request: Request, template: str) -> Response:
    figures = live_figures(request).current(FIRST_WAIT_SECONDS)
    if figures is None:
        return render(request, template, figures=None, run=lead_run.last_run(site_of(request).workspace))
    from chatfeedback.web import lead_charts  # imported when the figures were read

    config = site_of(request).workspace.config
    return render(
        request,
        template,
        figures=figures,
        cards=_cards(figures),
        kinds=table_of(figures, "kinds"),
        hourly=lead_charts.hourly(figures.work.hours, figures.read_at),
        daily=lead_charts.daily(figures.issued),
        agreement=lead_charts.agreement(figures.agreement),
        points_total=config.budget.points_total,
        points_per_day=config.budget.points_per_day,
        open_points=sum(figures.work.open_points.values()),
        lowered=sum(each.multiplier < 1 for each in figures.confidence.values()),
        failed=sum(each.count for each in figures.faults),
        run=lead_run.last_run(site_of(request).workspace),
    )


def _cards(figures: Figures) -> list[Card]:
    work = figures.work
    states = [each.state for each in figures.people]
    waiting = len(figures.flags) + len(figures.disputes) + figures.reports
    return [
        Card("answers", sum(work.by_kind().values()), "/lead/table/kinds", "chatfeedback status"),
        Card("open tasks", sum(work.open_tasks.values()), "/lead/table/kinds", "chatfeedback status"),
        Card("answers to come", sum(work.to_come.values()), "/lead/table/kinds", "chatfeedback status"),
        Card("people active", states.count(PersonState.ACTIVE), "/lead/people", "chatfeedback people list"),
        Card("to decide", waiting, "/lead/review", "chatfeedback people review"),
        Card(
            "strangers' answers that wait",
            sum(work.held.values()),
            "/lead/people",
            "chatfeedback people review",
        ),
        Card("conversations held", figures.held.count, "/lead/conversations", "chatfeedback status"),
        Card("points issued", figures.issued_total, "/lead/table/days", "chatfeedback budget"),
    ]


@async_lead_needed
async def hear(request: Request, lead: Person) -> Response:
    """Tell an open page when a figure changed, or a run said something."""
    live, workspace = live_figures(request), site_of(request).workspace

    def version() -> int:
        live.current()
        return live.version

    return events(request, lead, {"figures": version, "run": lambda: lead_run.change_of(workspace)})


@lead_needed
def table(request: Request, _lead: Person) -> Response:
    """Show the table behind a figure."""
    figures = _figures(request)
    found = table_of(figures, request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    return render(request, "lead_table.html.jinja", table=found, most=ROWS, figures=figures)


@lead_needed
def people(request: Request, _lead: Person) -> Response:
    """Show everybody, with what can be done about them."""
    figures = _figures(request)
    workspace = site_of(request).workspace
    with workspace.store.read() as connection:
        groups = all_groups(connection)  # as they are now: the form changes them
    done, at = lead_actions.done(request, person=len(figures.people[:ROWS]))
    return render(
        request,
        "lead_people.html.jinja",
        people=figures.people[:ROWS],
        left_out=max(0, len(figures.people) - ROWS),
        groups=groups,
        known_groups=list(workspace.config.routing.groups),
        confidence=figures.confidence,
        figures=figures,
        done=done,
        at=at,
    )


@lead_needed
def review(request: Request, _lead: Person) -> Response:
    """Show what waits for a decision."""
    from quality.screening.finding import in_words

    with site_of(request).workspace.store.read() as connection:
        flagged, disputed = flags(connection, FlagStatus.OPEN), disputes(connection, FlagStatus.OPEN)
        reported = reports(connection)
    done, at = lead_actions.done(
        request, flag=len(flagged[:SHOWN]), dispute=len(disputed[:SHOWN]), report=len(reported[:SHOWN])
    )
    return render(
        request,
        "lead_review.html.jinja",
        flags=[(each, in_words(each.reason, each.evidence)) for each in flagged[:SHOWN]],
        disputes=disputed[:SHOWN],
        reports=reported[:SHOWN],
        left_out=sum(max(0, len(each) - SHOWN) for each in (flagged, disputed, reported)),
        done=done,
        at=at,
    )


@lead_needed
def conversations(request: Request, _lead: Person) -> Response:
    """Show what is held, and publish or hold."""
    counts = _figures(request).conversations
    with site_of(request).workspace.store.read() as connection:
        held = first_held(connection, SHOWN)
    done, at = lead_actions.done(request, held=len(held))
    return render(
        request,
        "lead_conversations.html.jinja",
        held=held,
        count=counts.get(SharingState.HELD, 0),
        counts=counts,
        done=done,
        at=at,
    )


@lead_needed
def queue(request: Request, _lead: Person) -> Response:
    """Show what is assigned on the platforms; they have to be asked, so that no page waits for it."""
    offer = site_of(request).on_offer.get()
    platforms = site_of(request).workspace.config.platforms.names()
    rows = [
        (
            name,
            len(offer.places.get(name, ())),
            sum(map(len, offer.given[name].values())) if name in offer.given else None,
            sum(map(bool, offer.given[name].values())) if name in offer.given else None,
            name in offer.silent,
        )
        for name in platforms
    ]
    is_part = request.headers.get("HX-Request") == "true"
    template = "_lead_queue.html.jinja" if is_part else "lead_queue.html.jinja"
    figures = live_figures(request).current()
    return render(request, template, rows=rows, expired=figures.expired if figures else None)


@lead_needed
def runs(request: Request, _lead: Person) -> Response:
    """Show the run that is under way, or the last one, and start another."""
    return _runs(request, "lead_runs.html.jinja")


@lead_needed
def run_part(request: Request, _lead: Person) -> Response:
    """Show the run alone."""
    return _runs(request, "_lead_run.html.jinja")


def _runs(request: Request, template: str) -> Response:
    from exports.registry import all_projections

    run = lead_run.last_run(site_of(request).workspace)
    return render(
        request,
        template,
        run=run,
        projections={name: each.help for name, each in all_projections().items()},
    )


@lead_needed
def report(request: Request, _lead: Person) -> Response:
    """Show what the last report wrote."""
    folder = site_of(request).workspace.reports / "latest"
    return render(
        request, "lead_report.html.jinja", names=sorted(_report_files(folder)), figures=_figures(request)
    )


@lead_needed
def report_file(request: Request, _lead: Person) -> Response:
    """Send a file of the last report, to be saved: its page brings a style of its own, which no page here may."""
    path = _report_files(site_of(request).workspace.reports / "latest").get(request.path_params["name"])
    if path is None:
        raise HTTPException(404)
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")


def _report_files(folder: Path) -> dict[str, Path]:
    found = [folder / "report.html", *(folder / "tables").glob("*.csv")]
    return {path.name: path for path in found if path.is_file()}


def _figures(request: Request) -> Figures:
    live = live_figures(request)
    if "done" in request.query_params:
        live.look_again(FIRST_WAIT_SECONDS)
    figures = live.current(FIRST_WAIT_SECONDS)
    if figures is None:
        raise HTTPException(
            503, "The figures are being read for the first time: try again in a moment.", {"Retry-After": "5"}
        )
    return figures


PART = Part(
    routes=(
        Route("/lead", overview, methods=["GET"]),
        Route("/lead/figures", figures_part, methods=["GET"]),
        Route("/lead/events", hear, methods=["GET"]),
        Route("/lead/table/{name}", table, methods=["GET"]),
        Route("/lead/people", people, methods=["GET"]),
        Route("/lead/review", review, methods=["GET"]),
        Route("/lead/conversations", conversations, methods=["GET"]),
        Route("/lead/queue", queue, methods=["GET"]),
        Route("/lead/runs", runs, methods=["GET"]),
        Route("/lead/runs/now", run_part, methods=["GET"]),
        Route("/lead/report", report, methods=["GET"]),
        Route("/lead/report/{name}", report_file, methods=["GET"]),
        *lead_actions.ROUTES,
    ),
    navigation=(Link("/lead", "Lead", for_lead=True),),
)
