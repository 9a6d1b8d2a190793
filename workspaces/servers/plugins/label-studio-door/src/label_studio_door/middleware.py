"""The door: a Django middleware that looks at every request once Label Studio knows which view it goes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import OperationalError

from label_studio_door import __version__, answers, pages
from label_studio_door.call import Call, hand_on, read_call
from label_studio_door.content_security import secure
from label_studio_door.people import Person, who_asks
from label_studio_door.refusal import CLOSED, Refused, ask_to_sign_in, refuse
from label_studio_door.routes import ROUTES
from label_studio_door.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.template.response import SimpleTemplateResponse

HEADER = "X-ChatFeedback-Door"
"""Every answer carries it; its value is the door's version."""


class Door:
    """Lets the owner through, and others where a rule says so; see ``rules``.

    The view that Django has chosen decides, not the text of the address: however an address is spelt, it opens
    what its view is open for.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass a request on, and see that no answer leaves that should have been narrowed and was not."""
        response = self._get_response(request)
        visit: _Visit | None = getattr(request, "label_studio_door", None)
        if visit is not None and visit.rule.shape is not None and not visit.narrowed:
            response = refuse(request, "Label Studio failed; try again.", status=500)
        if visit is not None:
            pages.dress(response)
        secure(response)
        response[HEADER] = __version__
        return response

    def process_view(
        self,
        request: HttpRequest,
        _view: Callable[..., object],
        _arguments: tuple[object, ...],
        named: dict[str, Any],
    ) -> HttpResponse | None:
        """Refuse a request, answer it, or let Label Studio's view see what the door has read of it."""
        try:
            return self._decide(request, named)
        except OperationalError as error:  # our own look into the tables; SQLite lets one write at a time
            words = answers.BUSY if "locked" in str(error) else answers.FAILED
            return refuse(request, words, status=500)

    def _decide(self, request: HttpRequest, named: dict[str, Any]) -> HttpResponse | None:
        person = who_asks(request)
        if person is not None and person.is_owner:
            return None
        pattern = request.resolver_match.route if request.resolver_match else ""
        method = "GET" if request.method == "HEAD" else str(request.method)
        row = ROUTES.get(pattern)
        if ".." in request.path_info.split("/"):
            return refuse(request, "There is nothing here.", status=404)
        if row is not None and method in row.anyone:
            return None
        if person is None:
            return ask_to_sign_in(request)
        rule = RULES.get((pattern, method))
        if row is None or rule is None or method not in row.annotator:
            return refuse(request, CLOSED)
        try:
            return _enter(request, person, rule, named)
        except Refused as refused:
            return refuse(request, str(refused))

    def process_template_response(
        self, request: HttpRequest, response: SimpleTemplateResponse
    ) -> SimpleTemplateResponse:
        """Narrow what a view of Label Studio's API answers, before it is written down."""
        visit: _Visit | None = getattr(request, "label_studio_door", None)
        if visit is None or visit.rule.shape is None or not hasattr(response, "data"):
            return response
        if response.status_code >= 400:
            response.data = answers.refusal(response.data, response.status_code)
        else:
            response.data = visit.rule.shape(visit.call, response.data)
        visit.narrowed = True
        return response


class _Visit:
    """What the door keeps of a request that it let in."""

    def __init__(self, rule: Rule, call: Call) -> None:
        self.rule = rule
        self.call = call
        self.narrowed = False


def _enter(request: HttpRequest, person: Person, rule: Rule, named: dict[str, Any]) -> HttpResponse | None:
    ids = {name: value for name, value in named.items() if isinstance(value, int)}
    call = read_call(request, person, ids, rule.query, rule.body)
    answer = rule.guard(call)
    if answer is not None:
        return answer
    hand_on(request, call)
    request.label_studio_door = _Visit(rule, call)  # type: ignore[attr-defined]
    return None
