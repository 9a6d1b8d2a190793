"""What a hostile annotator sends to Label Studio: one request each, none of which may do anything."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.attack.label_studio_arena import FORM
from workspaces.platforms.label_studio.form import result_of

if TYPE_CHECKING:
    from collections.abc import Mapping

RESULT: list[Any] = result_of(FORM, {"suggestion": "forged by the attacker"})
FILTER_ON_ANSWERS = json.dumps(
    {
        "filters": {
            "conjunction": "and",
            "items": [
                {
                    "filter": "filter:tasks:annotations_results",
                    "operator": "contains",
                    "type": "String",
                    "value": "answer",
                }
            ],
        }
    }
)
XSS = "<img src=x onerror=alert(1)>"


@dataclass(frozen=True, slots=True)
class Attack:
    """One request. Braces in the address and in texts of the body stand for ids of the arena."""

    name: str
    method: str
    address: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    content: bytes | None = None


def attack(name: str, method: str, address: str, body: Any = None, **more: Any) -> Attack:
    return Attack(name, method, address, body, **more)


JSON = {"Content-Type": "application/json"}
FREE = "/api/tasks/{free_task}/annotations/"
MINE = "/api/annotations/{my_annotation}/"

ATTACKS = [
    # the project and its settings
    attack("delete the project", "DELETE", "/api/projects/{project}/"),
    attack("delete the project, no slash", "DELETE", "/api/projects/{project}"),
    attack("write instructions with markup", "PATCH", "/api/projects/{project}/", {"expert_instruction": XSS}),
    attack("raise the overlap", "PATCH", "/api/projects/{project}/", {"maximum_annotations": 99}),
    attack("replace the project", "PUT", "/api/projects/{project}/", {"title": "mine"}),
    attack("make a project", "POST", "/api/projects/", {"title": "mine"}),
    attack("reset the summary", "POST", "/api/projects/{project}/summary/reset/"),
    attack("validate a config", "POST", "/api/projects/{project}/validate/", {"label_config": "<View/>"}),
    attack("override by header", "GET", "/api/projects/{project}/summary/",
           headers={"X-HTTP-Method-Override": "DELETE"}),
    attack("override by parameter", "POST", "/api/projects/{project}/?_method=DELETE", {"_method": "DELETE"}),
    attack("who annotates", "GET", "/api/projects/{project}/annotators/"),
    attack("export", "GET", "/api/projects/{project}/export?exportType=JSON"),
    attack("make an export", "POST", "/api/projects/{project}/exports/", {"title": "x"}),
    attack("import tasks", "POST", "/api/projects/{project}/import", [{"data": {"task_id": "forged"}}]),
    attack("import answers for another", "POST", "/api/projects/{project}/import",
           [{"data": {"task_id": "t"}, "annotations": [{"completed_by": "{victim}", "result": []}]}]),
    attack("import from a loopback address", "POST", "/api/projects/{project}/import",
           form={"url": "http://127.0.0.1:1/"}),
    attack("reimport", "POST", "/api/projects/{project}/reimport", {"file_upload_ids": [1]}),
    attack("list uploads", "GET", "/api/projects/{project}/file-uploads?all=1"),
    attack("delete all tasks", "DELETE", "/api/projects/{project}/tasks/"),
    attack("list tasks of a project", "GET", "/api/projects/{project}/tasks/"),
    attack("add a task", "POST", "/api/projects/{project}/tasks/", {"data": {}}),
    # tasks
    attack("list with all fields", "GET", "/api/tasks/?project={project}&fields=all"),
    attack("list with a filter on answers", "GET", "/api/tasks/?project={project}&query=" + FILTER_ON_ANSWERS),
    attack("list by a view", "GET", "/api/tasks/?view=1&fields=all"),
    attack("list without a project", "GET", "/api/tasks/"),
    attack("change a task's data", "PATCH", "/api/tasks/{task}/", {"data": {"task_id": "task 5"}}),
    attack("replace a task", "PUT", "/api/tasks/{task}/", {"data": {}}),
    attack("delete a task", "DELETE", "/api/tasks/{task}/"),
    attack("add a task of no project", "POST", "/api/tasks/", {"project": "{project}", "data": {}}),
    attack("read a task that was never theirs", "GET", "/api/tasks/{full_task}/"),
    attack("read a task of no project", "GET", "/api/tasks/999999/"),
    attack("read a task for review", "GET", "/api/tasks/{task}/?review=true"),
    attack("name another project", "GET", "/api/tasks/{task}/?project=999"),
    attack("how others agree", "GET", "/api/tasks/{task}/agreement/"),
    attack("options of a task", "OPTIONS", "/api/tasks/{task}/"),
    # others' annotations
    attack("read another's", "GET", "/api/annotations/{annotation}/"),
    attack("read another's, no slash", "GET", "/api/annotations/{annotation}"),
    attack("head of another's", "HEAD", "/api/annotations/{annotation}/"),
    attack("change another's", "PATCH", "/api/annotations/{annotation}/", {"result": RESULT}),
    attack("replace another's", "PUT", "/api/annotations/{annotation}/", {"result": RESULT}),
    attack("delete another's", "DELETE", "/api/annotations/{annotation}/"),
    attack("make another's a draft", "POST", "/api/annotations/{annotation}/convert-to-draft"),
    attack("drafts of another's", "GET", "/api/tasks/{task}/annotations/{annotation}/drafts"),
    attack("a draft on another's", "POST", "/api/tasks/{task}/annotations/{annotation}/drafts", {"result": []}),
    attack("options of an annotation", "OPTIONS", "/api/annotations/{annotation}/"),
    # own annotations, in another's name or place
    attack("create as another", "POST", FREE, {"result": RESULT, "completed_by": "{victim}"}),
    attack("create as oneself, said twice", "POST", FREE, headers=JSON,
           content=b'{"result": [], "result": [1]}'),
    attack("create for another task", "POST", FREE, {"result": RESULT, "task": "{task}"}),
    attack("create in another project", "POST", FREE, {"result": [], "project": 999}),
    attack("create as a copy", "POST", FREE, {"result": [], "parent_annotation": "{annotation}"}),
    attack("create as ground truth", "POST", FREE, {"result": [], "ground_truth": True}),
    attack("create with another's draft", "POST", FREE, {"result": [], "draft_id": "{draft}"}),
    attack("create by form", "POST", FREE,
           form={"result": "[]", "completed_by": "{victim}"}),
    attack("create by a body of another kind", "POST", FREE,
           headers={"Content-Type": "text/plain"}, content=b'{"completed_by": 1, "result": []}'),
    attack("create with no time", "POST", FREE, headers=JSON,
           content=b'{"result": [], "lead_time": NaN}'),
    attack("create with endless time", "POST", FREE, headers=JSON,
           content=b'{"result": [], "lead_time": 1e999}'),
    attack("create with half a character", "POST", FREE, headers=JSON,
           content=b'{"result": ["\\ud800"]}'),
    attack("create deep JSON", "POST", FREE, headers=JSON,
           content=b'{"result": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    attack("create what breaks readers", "POST", FREE, headers=JSON,
           content=b'{"result": [' + b'{"value": ' * 400 + b"1" + b"}" * 400 + b"]}"),
    attack("create no objects", "POST", FREE, {"result": [1, None, "x"]}),
    attack("create in a task of a number too large", "POST", f"/api/tasks/{10**30}/annotations/", {"result": []}),
    attack("read an annotation of a number too large", "GET", f"/api/annotations/{10**30}/"),
    attack("create two megabytes", "POST", FREE, {"result": ["x" * 2_000_000]}),
    attack("create with an import's id", "POST", FREE, {"result": [], "import_id": 1}),
    attack("create with an editor", "POST", FREE, {"result": [], "updated_by": "{victim}"}),
    attack("answer a full task", "POST", "/api/tasks/{full_task}/annotations/", {"result": RESULT}),
    attack("answer a task twice", "POST", "/api/tasks/{answered_task}/annotations/", {"result": RESULT}),
    attack("give one's own away", "PATCH", MINE, {"completed_by": "{victim}"}),
    attack("move one's own", "PATCH", MINE, {"task": "{task}"}),
    attack("move one's own by parameter", "PATCH", "/api/annotations/{my_annotation}/?taskID={task}", {"result": []}),
    attack("own as ground truth", "PATCH", MINE, {"ground_truth": True}),
    attack("own by PUT", "PUT", MINE, {"completed_by": "{victim}"}),
    attack("own by PUT that is no JSON", "PATCH", MINE, form={"completed_by": "{victim}"}),
    # drafts
    attack("read another's draft", "GET", "/api/drafts/{draft}/"),
    attack("change another's draft", "PATCH", "/api/drafts/{draft}/", {"result": RESULT}),
    attack("delete another's draft", "DELETE", "/api/drafts/{draft}/"),
    attack("give one's draft away", "PATCH", "/api/drafts/{my_draft}/", {"user": "{victim}"}),
    attack("move one's draft", "PATCH", "/api/drafts/{my_draft}/", {"task": "{task}"}),
    attack("put one's draft on another's answer", "PATCH", "/api/drafts/{my_draft}/", {"annotation": "{annotation}"}),
    attack("a draft as another", "POST", "/api/tasks/{free_task}/drafts", {"result": [], "user": "{owner}"}),
    # the next task, steered
    attack("next by a filter on answers", "GET", "/api/projects/{project}/next?query=" + FILTER_ON_ANSWERS),
    attack("next by chosen items", "POST", "/api/dm/actions?id=next_task&project={project}",
           {"selectedItems": {"all": False, "included": ["{full_task}"]}}),
    attack("next by filters", "POST", "/api/dm/actions?id=next_task&project={project}", json.loads(FILTER_ON_ANSWERS)),
    attack("next, and another action", "POST", "/api/dm/actions?id=next_task&id=delete_tasks&project={project}", {}),
    attack("delete tasks by an action", "POST", "/api/dm/actions?id=delete_tasks&project={project}",
           {"selectedItems": {"all": True, "excluded": []}}),
    attack("delete annotations by an action", "POST", "/api/dm/actions/?id=delete_tasks_annotations&project={project}",
           {"selectedItems": {"all": True, "excluded": []}}),
    attack("list actions", "GET", "/api/dm/actions?project={project}"),
    attack("an action's form", "GET", "/api/dm/actions/delete_tasks/form/?project={project}"),
    # the data manager
    attack("make a view", "POST", "/api/dm/views?project={project}", {"project": "{project}", "data": {"title": "x"}}),
    attack("delete views", "DELETE", "/api/dm/views/reset/?project={project}"),
    attack("views by format", "GET", "/api/dm/views.json?project={project}"),
    attack("change a view", "PATCH", "/api/dm/views/1/", {"data": {}}),
    # people, tokens, organization
    attack("another's account", "GET", "/api/users/{victim}/"),
    attack("accounts by format", "GET", "/api/users.json"),
    attack("another's address", "PATCH", "/api/users/{victim}/", {"email": "x@example.org"}),
    attack("become staff", "PATCH", "/api/users/{attacker}/", {"is_staff": True, "is_superuser": True}),
    attack("another's name for oneself", "PATCH", "/api/users/{attacker}/", {"username": "x"}),
    attack("delete an account", "DELETE", "/api/users/{victim}/"),
    attack("make an account", "POST", "/api/users/", {"email": "x@example.org"}),
    attack("an avatar", "POST", "/api/users/{victim}/avatar/", {}),
    attack("one's own avatar", "POST", "/api/users/{attacker}/avatar/", form={"avatar": XSS}),
    attack("one's profile", "POST", "/user/account/", form={"first_name": XSS}),
    attack("hotkeys", "PATCH", "/api/current-user/hotkeys/", {"custom_hotkeys": {}}),
    attack("the account page", "GET", "/user/account/personal-access-token"),
    attack("a legacy token", "GET", "/api/current-user/token"),
    attack("a new legacy token", "POST", "/api/current-user/reset-token/"),
    attack("switch off tokens", "POST", "/api/jwt/settings", {"api_tokens_enabled": False}),
    attack("read token settings", "GET", "/api/jwt/settings"),
    attack("revoke a token that is not theirs", "POST", "/api/token/blacklist/", {"refresh": "e30.e30.x"}),
    attack("rotate", "POST", "/api/token/rotate/", {"refresh": "e30.e30.x"}),
    attack("members", "GET", "/api/organizations/1/memberships"),
    attack("remove a member", "DELETE", "/api/organizations/1/memberships/{victim}/"),
    attack("the organization", "PATCH", "/api/organizations/1", {"title": "mine"}),
    attack("organizations", "GET", "/api/organizations/"),
    attack("the invitation", "GET", "/api/invite"),
    attack("reset the invitation", "POST", "/api/invite/reset-token"),
    attack("the session policy", "PATCH", "/api/session-policy/", {"max_session_age": 1}),
    attack("people's page", "GET", "/people/"),
    attack("the organization's page", "GET", "/organization/"),
    attack("the settings page", "GET", "/projects/{project}/settings/danger-zone"),
    attack("the import page", "GET", "/projects/{project}/data/import"),
    attack("django's administration", "GET", "/admin/users/user/"),
    attack("a login of django's administration", "GET", "/admin/login/"),
    attack("queues", "GET", "/django-rq/"),
    # what sends and fetches
    attack("a webhook", "POST", "/api/webhooks/", {"url": "http://127.0.0.1:1/", "send_payload": True}),
    attack("webhooks", "GET", "/api/webhooks/"),
    attack("an ML backend", "POST", "/api/ml/", {"url": "http://127.0.0.1:1/", "project": "{project}"}),
    attack("storage", "POST", "/api/storages/s3/", {"project": "{project}", "bucket": "x"}),
    attack("local files as storage", "POST", "/api/storages/localfiles/", {"project": "{project}", "path": "/etc"}),
    attack("a storage's check", "POST", "/api/storages/s3/validate", {"project": "{project}"}),
    attack("resolve a foreign address", "GET", "/tasks/{task}/resolve/?fileuri=aHR0cDovLzEyNy4wLjAuMTox"),
    attack("presign", "GET", "/projects/{project}/presign/?fileuri=czM6Ly94L3k="),
    attack("local files", "GET", "/data/local-files/?d=etc/passwd"),
    attack("an upload", "GET", "/data/upload/1/x.txt"),
    attack("an avatar's file", "GET", "/data/avatars/x.png"),
    attack("stored data", "GET", "/storage-data/uploaded/?filepath=upload/1/x.txt"),
    attack("tips from afar", "GET", "/heidi-tips/"),
    # predictions, labels, states
    attack("a prediction", "POST", "/api/predictions/", {"task": "{task}", "result": [], "project": "{project}"}),
    attack("predictions", "GET", "/api/predictions/"),
    attack("a label", "POST", "/api/labels/", [{"title": "x"}]),
    attack("labels in bulk", "POST", "/api/labels/bulk", {"old_label": "a", "new_label": "b"}),
    attack("a task's history", "GET", "/api/fsm/entities/task/{task}/history"),
    attack("an annotation's history", "GET", "/api/fsm/entities/annotation/{annotation}/history"),
    attack("a transition", "POST", "/api/fsm/entities/task/{task}/transition/", {"transition_name": "x"}),
    attack("feature flags", "GET", "/feature-flags/"),
    attack("the API's description", "GET", "/docs/api/schema/json/"),
    attack("an error on purpose", "GET", "/trigger500/"),
    attack("metrics", "GET", "/metrics/"),
    # addresses spelt oddly
    attack("two slashes", "DELETE", "//api/projects/{project}/"),
    attack("a dot segment", "DELETE", "/api/tasks/../projects/{project}/"),
    attack("an encoded slash", "DELETE", "/api%2Fprojects/{project}/"),
    attack("capitals", "DELETE", "/API/projects/{project}/"),
    attack("a trace", "TRACE", "/api/projects/{project}/"),
    attack("an unknown method", "PURGE", "/api/projects/{project}/"),
    attack("static traversal", "GET", "/static/..%2f..%2f..%2f..%2fetc/passwd"),
    attack("another static traversal", "GET", "/react-app/%2e%2e/%2e%2e/settings/base.py"),
]  # fmt: skip
