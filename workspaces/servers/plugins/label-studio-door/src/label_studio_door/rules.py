"""What an annotator's requests to the open routes may hold, what they may touch, and what comes back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse

from label_studio_door import answers, own
from label_studio_door.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from label_studio_door.call import Call

    Guard = Callable[[Call], HttpResponse | None]
    Shape = Callable[[Call, Any], Any]

MOST_DRAFTS = 10
"""Drafts of one person for one task."""

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """How one method of one route is open to annotators.

    Args:
        guard: refuses what is not the person's own, takes out of ``call`` what Label Studio need not see, or answers
            in Label Studio's place.
        shape: what the person gets of Label Studio's answer; None: the answer is a page or no content.
        query: the parameters that may be given; None: any, and all are dropped.
        body: the names in the JSON body that may be given.
    """

    guard: Guard
    shape: Shape | None = None
    query: frozenset[str] | None = frozenset()
    body: frozenset[str] = frozenset()


def _page(_call: Call) -> None:
    return None


def _version(call: Call) -> None:
    if call.path not in ("/version/", "/api/version/"):  # Label Studio's pattern has no beginning
        raise Refused("There is nothing here.")


def _one_project(call: Call) -> None:
    own.project(call.person, call.ids["pk"])
    _same_project(call, call.ids["pk"])


def _next_task(call: Call) -> None:
    if call.query.get("id") != "next_task":
        raise Refused("Annotators can only ask for the next task.")
    project_id = own.project(call.person, call.query.get("project"))
    _same_project(call, project_id)
    call.query = {"id": "next_task", "project": str(project_id)}
    call.body = {}


def _project_of_query(call: Call) -> None:
    project_id = own.project(call.person, call.query.get("project"))
    call.query = {"project": str(project_id)}


def _own_tasks(call: Call) -> HttpResponse:
    project_id = own.project(call.person, call.query.get("project"))
    tasks = own.answered_tasks(call.person, project_id)
    size = min(_page_number(call.query.get("page_size", "30")), LARGEST_PAGE)
    start = (_page_number(call.query.get("page", "1")) - 1) * size
    total = tasks.count()
    rows = [answers.task_row(call.person, task) for task in tasks[start : start + size]]
    return JsonResponse({"tasks": rows, "total": total, "total_annotations": total, "total_predictions": 0})


def _task_to_read(call: Call) -> None:
    task = own.readable_task(call.person, call.ids["pk"])
    _same_project(call, task.project_id)
    call.query = {}


def _annotation_to_create(call: Call) -> None:
    task = own.answerable_task(call.person, call.ids["pk"])
    _same_project(call, task.project_id)
    skipped = call.query.get("was_cancelled")
    _read_answer(call, task.pk)
    assert call.body is not None
    if skipped is not None:
        call.body["was_cancelled"] = skipped.lower() in ("1", "true", "yes")
    call.query = {}


def _annotation_to_read(call: Call) -> None:
    annotation = own.annotation(call.person, call.ids["pk"])
    _same_project(call, annotation.task.project_id)
    call.query = {}


def _annotation_to_change(call: Call) -> None:
    annotation = own.annotation(call.person, call.ids["pk"])
    _same_project(call, annotation.task.project_id)
    if call.query.get("taskID", str(annotation.task_id)) != str(annotation.task_id):
        raise Refused("The annotation belongs to another task.")
    _read_answer(call, annotation.task_id)
    assert call.body is not None
    if annotation.was_cancelled and call.body.get("was_cancelled") is False:
        own.see_that_it_waits(call.person, annotation.task)  # a skip that becomes an answer is a new one
    call.query = {}


def _annotation_to_take_back(call: Call) -> None:
    _annotation_to_read(call)
    _see_that_drafts_are_few(call, own.annotation(call.person, call.ids["pk"]).task_id)


def _drafts_to_read(call: Call) -> None:
    task = own.readable_task(call.person, call.ids["pk"])
    _same_project(call, task.project_id)
    _own_annotation_in_path(call)
    call.query = {}


def _draft_to_create(call: Call) -> None:
    if "annotation_id" in call.ids:
        task = own.readable_task(call.person, call.ids["pk"])
        _own_annotation_in_path(call)
    elif own.annotation_ids(call.person, call.ids["pk"]):
        task = own.readable_task(call.person, call.ids["pk"])
    else:
        task = own.answerable_task(call.person, call.ids["pk"])
    _see_that_drafts_are_few(call, task.pk)
    _same_project(call, task.project_id)
    _read_draft(call, task.pk)
    call.query = {}


def _draft_to_read(call: Call) -> None:
    draft = own.draft(call.person, call.ids["pk"])
    _same_project(call, draft.task.project_id)
    call.query = {}


def _draft_to_change(call: Call) -> None:
    draft = own.draft(call.person, call.ids["pk"])
    _same_project(call, draft.task.project_id)
    _read_draft(call, draft.task_id)
    call.query = {}


def _token_to_revoke(call: Call) -> None:
    if not own.holds_token(call.person, (call.body or {}).get("refresh")):
        raise Refused("That is no token of yours.")


def _themselves(call: Call) -> HttpResponse:
    return JsonResponse([answers.user_row(call.person)], safe=False)


def _nothing(_call: Call) -> HttpResponse:
    return JsonResponse([], safe=False)


def _no_page(_call: Call) -> HttpResponse:
    return JsonResponse({"count": 0, "next": None, "previous": None, "results": []})


def _one_view(call: Call) -> HttpResponse:
    project_id = own.project(call.person, call.query.get("project"))
    return JsonResponse([{**answers.VIEW, "project": project_id, "user": call.person.id}], safe=False)


def _see_that_drafts_are_few(call: Call, task_id: int) -> None:
    if len(own.draft_ids(call.person, task_id)) >= MOST_DRAFTS:
        raise Refused(f"You have {MOST_DRAFTS} drafts of this task: change one of them.")


def _read_answer(call: Call, task_id: int) -> None:
    """Check the body of an annotation, and keep in it what Label Studio may write."""
    given = call.body or {}
    body = _read_result(given)
    if "was_cancelled" in given:
        body["was_cancelled"] = _flag(given, "was_cancelled")
    if given.get("draft_id"):
        body["draft_id"] = own.draft(call.person, given["draft_id"], task_id).pk
    if given.get("unique_id") is not None:
        body["unique_id"] = _unique_id(given["unique_id"])
    call.body = body


def _read_draft(call: Call, task_id: int) -> None:
    """Check the body of a draft, and keep in it what Label Studio may write."""
    given = call.body or {}
    body = _read_result(given)
    if "was_postponed" in given:
        body["was_postponed"] = _flag(given, "was_postponed")
        if body["was_postponed"]:
            own.release(call.person, task_id)
    call.body = body


def _read_result(given: dict[str, Any]) -> dict[str, Any]:
    for name in ("parent_prediction", "parent_annotation"):
        if given.get(name) is not None:
            raise Refused(f"{name!r} is closed to annotators.")
    if given.get("ground_truth"):
        raise Refused("'ground_truth' is closed to annotators.")
    body: dict[str, Any] = {}
    if "result" in given:
        if not isinstance(given["result"], list) or not all(isinstance(it, dict) for it in given["result"]):
            raise Refused("'result' must be a list of objects.")
        body["result"] = given["result"]
    if given.get("lead_time") is not None:
        body["lead_time"] = _seconds(given["lead_time"])
    return body


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("'lead_time' must be a number of seconds.")
    try:
        seconds = float(value)
    except OverflowError:
        seconds = math.inf
    if not 0 <= seconds < 1e9:
        raise Refused("'lead_time' must be a number of seconds, 0 or more.")
    return seconds


def _flag(given: dict[str, Any], name: str) -> bool:
    if not isinstance(given[name], bool):
        raise Refused(f"{name!r} must be true or false.")
    return bool(given[name])


def _unique_id(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise Refused("'unique_id' must be a UUID.") from None


def _same_project(call: Call, project_id: int) -> None:
    """Refuse a request that names another project than the one it is about."""
    named = [call.query.get("project"), (call.body or {}).get("project")]
    if any(name is not None and str(name) != str(project_id) for name in named):
        raise Refused("The request names another project.")
    call.query.pop("project", None)
    if call.body is not None:
        call.body.pop("project", None)


def _own_annotation_in_path(call: Call) -> None:
    annotation_id = call.ids.get("annotation_id")
    if annotation_id is not None and own.annotation(call.person, annotation_id).task_id != call.ids["pk"]:
        raise Refused("The annotation belongs to another task.")


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0):
        raise Refused("A page is a number from 1.")
    return int(text)


_PROJECT = frozenset({"project"})
_OF_TASK = frozenset({"project", "taskID", "interaction", "annotations_stub"})
_OF_LIST = frozenset({"page", "page_size", "include", "ids", "filter"})
_ANSWER = frozenset({
    "result", "lead_time", "was_cancelled", "draft_id", "unique_id", "started_at", "project", "ground_truth",
    "parent_prediction", "parent_annotation",
})  # fmt: skip
_DRAFT = _ANSWER - {"was_cancelled", "ground_truth"} | {"was_postponed"}

PAGE = Rule(_page, query=None)
ANNOTATION_CREATED = Rule(_annotation_to_create, answers.annotation, _OF_TASK | {"was_cancelled"}, _ANSWER)
DRAFT_READ = Rule(_drafts_to_read, answers.draft_list, _OF_TASK)
DRAFT_CREATED = Rule(_draft_to_create, answers.draft, _OF_TASK, _DRAFT)

RULES: dict[tuple[str, str], Rule] = {
    ("^$", "GET"): PAGE,
    ("^projects/", "GET"): PAGE,
    ("^projects/<int:pk>/", "GET"): PAGE,
    ("^projects/<int:pk>/data/", "GET"): PAGE,
    ("^logout/?$", "GET"): PAGE,
    ("api/version/", "GET"): Rule(_version, query=None),
    ("version/", "GET"): Rule(_version, query=None),
    ("^api/current-user/whoami", "GET"): Rule(_page, answers.whoami),
    ("^api/projects/", "GET"): Rule(_page, answers.projects, _OF_LIST),
    ("^api/projects/<int:pk>/", "GET"): Rule(_one_project, answers.project, _PROJECT | {"include"}),
    ("^api/projects/<int:pk>/next/", "GET"): Rule(_one_project, answers.task, _PROJECT),
    ("^api/projects/<int:pk>/label-stream-history/", "GET"): Rule(_one_project, answers.history, _PROJECT),
    ("^api/dm/actions/", "POST"): Rule(
        _next_task, answers.task, frozenset({"id", "project", "tabID"}), _PROJECT
    ),
    ("^api/dm/columns/", "GET"): Rule(_project_of_query, answers.columns, _PROJECT),
    ("^api/dm/project/", "GET"): Rule(
        _project_of_query, answers.data_manager_project, _PROJECT | {"interaction", "include"}
    ),
    ("^api/dm/views/$", "GET"): Rule(_one_view, query=_PROJECT),
    ("^api/tasks/", "GET"): Rule(_own_tasks, query=_PROJECT | {"page", "page_size", "view", "interaction"}),
    ("^api/tasks/<int:pk>/", "GET"): Rule(_task_to_read, answers.task, _OF_TASK),
    ("^api/tasks/<int:pk>/annotations/", "GET"): Rule(_task_to_read, answers.annotation_list, _OF_TASK),
    ("^api/tasks/<int:pk>/annotations/", "POST"): ANNOTATION_CREATED,
    ("^api/tasks/<int:pk>/drafts", "GET"): DRAFT_READ,
    ("^api/tasks/<int:pk>/drafts", "POST"): DRAFT_CREATED,
    ("^api/tasks/<int:pk>/annotations/<int:annotation_id>/drafts", "GET"): DRAFT_READ,
    ("^api/tasks/<int:pk>/annotations/<int:annotation_id>/drafts", "POST"): DRAFT_CREATED,
    ("^api/annotations/<int:pk>/", "GET"): Rule(_annotation_to_read, answers.annotation, _OF_TASK),
    ("^api/annotations/<int:pk>/", "PATCH"): Rule(
        _annotation_to_change, answers.annotation, _OF_TASK, _ANSWER
    ),
    ("^api/annotations/<int:pk>/", "DELETE"): Rule(_annotation_to_read, answers.nothing, _OF_TASK, _PROJECT),
    ("^api/annotations/<int:pk>/convert-to-draft", "POST"): Rule(
        _annotation_to_take_back, answers.draft, _OF_TASK, _PROJECT
    ),
    ("^api/drafts/<int:pk>/", "GET"): Rule(_draft_to_read, answers.draft, _OF_TASK),
    ("^api/drafts/<int:pk>/", "PATCH"): Rule(_draft_to_change, answers.draft, _OF_TASK, _DRAFT),
    ("^api/drafts/<int:pk>/", "DELETE"): Rule(_draft_to_read, answers.nothing, _OF_TASK, _PROJECT),
    ("^api/users/$", "GET"): Rule(_themselves, query=_PROJECT),
    ("^api/ml/", "GET"): Rule(_nothing, query=_PROJECT),
    ("^api/label_links/$", "GET"): Rule(_no_page, query=_PROJECT | {"expand"}),
    ("^api/token/", "GET"): Rule(_page, answers.tokens),
    ("^api/token/", "POST"): Rule(_page, answers.tokens),
    ("^api/token/blacklist/", "POST"): Rule(_token_to_revoke, answers.nothing, body=frozenset({"refresh"})),
}
"""How the routes are open to annotators, by pattern and method."""
