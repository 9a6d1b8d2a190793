"""Everything about me: the voluntary form, a copy of all, and being forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from chatfeedback import steps
from chatfeedback.web.bodies import form
from chatfeedback.web.guard import too_often
from chatfeedback.web.limits import Limit, TooOftenError
from chatfeedback.web.pages import render
from chatfeedback.web.receipts import receipts_page
from chatfeedback.web.sessions import Person, forget_browser, person_needed
from chatfeedback.web.site import Link, Part, site_of
from chatfeedback.web.writing import writing
from workspaces.errors import UsageError

if TYPE_CHECKING:
    from starlette.requests import Request

CONFIRMATION = "delete me"
DOWNLOADS = Limit("downloads", 10, 60 * 60.0)


@person_needed
def about(request: Request, person: Person) -> Response:
    """Say what can be done with one's data."""
    return _about(request, person)


@person_needed
def download(request: Request, person: Person) -> Response:
    """Send everything about the person as JSON."""
    site = site_of(request)
    try:
        site.limits.take(DOWNLOADS, person.person_id)
    except TooOftenError as error:
        raise too_often(error) from None
    text = steps.as_json(steps.data_about(site.workspace, person.person_id))
    name = f"chatfeedback-{person.person_id}.json"
    return Response(
        text,
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@person_needed
def forget(request: Request, person: Person) -> Response:
    """Forget the person, and show the receipts."""
    if form(request).get("confirmation", "").strip().casefold() != CONFIRMATION:
        return _about(request, person, 422, f"Nothing was deleted: type '{CONFIRMATION}' to confirm.")
    workspace = site_of(request).workspace
    with writing():
        receipts, failure = steps.forget_everywhere(workspace, person.person_id)
    response = receipts_page(request, receipts, complete=failure is None, gone=True)
    return forget_browser(request, response)


@person_needed
def voluntary_form(request: Request, person: Person) -> Response:
    """Show the form, always empty: nobody is shown answers that were given."""
    return _form(request, person)


@person_needed
def save_form(request: Request, person: Person) -> Response:
    """Keep the answers, encrypted; they replace earlier ones."""
    from workspaces.privacy.demographic_form import checked, demographic_questions

    workspace, given = site_of(request).workspace, form(request)
    questions = demographic_questions(workspace.config.demographics)
    try:
        answers = {name: checked(name, question, given.get(name, "")) for name, question in questions.items()}
    except UsageError:
        return _form(request, person, 422, "Choose one of the answers, or none.")
    with writing(), workspace.exclusive():
        workspace.demographics.save(person.person_id, answers)
    return RedirectResponse("/me?done=form", 303)


@person_needed
def withdraw_form(request: Request, person: Person) -> Response:
    """Delete the answers."""
    workspace = site_of(request).workspace
    with writing(), workspace.exclusive():
        workspace.demographics.withdraw(person.person_id)
    return RedirectResponse("/me?done=withdrawn", 303)


def _about(request: Request, person: Person, status: int = 200, refused: str = "") -> Response:
    return render(
        request,
        "my_data.html.jinja",
        status,
        person=person,
        confirmation=CONFIRMATION,
        refused=refused,
    )


def _form(request: Request, person: Person, status: int = 200, refused: str = "") -> Response:
    from workspaces.privacy.demographic_form import UNDISCLOSED, demographic_questions

    workspace = site_of(request).workspace
    return render(
        request,
        "form.html.jinja",
        status,
        questions=demographic_questions(workspace.config.demographics),
        undisclosed=UNDISCLOSED,
        answered=workspace.demographics.has_answers(person.person_id),
        k=workspace.config.demographics.k,
        refused=refused,
    )


PART = Part(
    routes=(
        Route("/me/data", about, methods=["GET"]),
        Route("/me/data.json", download, methods=["GET"]),
        Route("/me/forget", forget, methods=["POST"]),
        Route("/me/form", voluntary_form, methods=["GET"]),
        Route("/me/form", save_form, methods=["POST"]),
        Route("/me/form/withdraw", withdraw_form, methods=["POST"]),
    ),
    navigation=(Link("/me/settings", "Settings"),),
)
