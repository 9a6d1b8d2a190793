"""Label Studio as a ``Platform``: a project for each kind of task, a Label Studio task for each of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import httpx

from workspaces.errors import ConfigurationError, ConnectionFailedError
from workspaces.platforms.base import RemoteAnswer, RequestRefusedError
from workspaces.platforms.label_studio.connection import LabelStudioConnection
from workspaces.platforms.label_studio.form import (
    TASK_ID_KEY,
    instructions,
    labeling_config,
    questions_of,
    task_data,
    values_of,
)
from workspaces.platforms.label_studio.session import sign_up
from workspaces.records import AnnotationStatus, PlacedTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydantic import SecretStr

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import PersonIdOf

IMPORT_BATCH = 500
"""Tasks sent in one import."""

PAGE = 200
"""Tasks asked for at once when answers are read."""

LISTING_PAGE = 1_000
"""Tasks asked for at once when we look what stands in a project."""

TITLE_LENGTHS = (3, 50)
"""Shortest and longest title of a project, in characters."""

ANSWER_COUNTS = ("total_annotations", "cancelled_annotations")
"""The counts of a task that are zero together while nobody has answered or skipped it."""

_STATUS = {False: AnnotationStatus.SUBMITTED, True: AnnotationStatus.DISCARDED}


@dataclass(frozen=True, slots=True)
class _Standing:
    """What stands in a project: its tasks by our task id, and how many tasks it has, strangers included."""

    remote_ids: dict[str, str]
    total: int


class LabelStudioPlatform:
    """A Label Studio server, community edition, reached with an administrator's personal access token.

    Args:
        url: address of the server.
        api_key: a personal access token (``label_studio_session.personal_access_token``).
        person_id_of: maps an e-mail address to a pseudonym.
        marker: names this workspace. It stands in the description of our projects, so that they are found
            again and several workspaces can share a server.
    """

    name = "label_studio"

    def __init__(self, url: str, api_key: SecretStr, person_id_of: PersonIdOf, marker: str) -> None:
        self._connection = LabelStudioConnection(url, api_key)
        self._person_id_of = person_id_of
        self._marker = marker
        self._emails: dict[int, str] = {}

    def check(self) -> str:
        """Return the server's version and address, having proved that our key is accepted."""
        self._connection.call(lambda: self._connection.sdk.users.whoami(), idempotent=True)
        return f"Label Studio {self._get('/api/version').get('release', '?')} at {self._connection.url}"

    def push(self, form: Form, contents: Iterable[TaskContent], overlap: int) -> Iterator[list[PlacedTask]]:
        """Make sure that every task stands in the project of this form exactly once; yield them in batches.

        What stands there is listed first and left alone. After each import the server's count is compared
        with ours: if it is higher, an import that a killed run left behind has arrived as well, and doubles
        without answers are removed. A task whose remote id changed by that is yielded again.
        """
        project = self._find_project(form, overlap)
        standing = self._standing(project)
        told: dict[str, str] = {}
        remaining = iter(contents)
        while batch := list(islice(remaining, IMPORT_BATCH)):
            new = {
                content.task_id: content for content in batch if content.task_id not in standing.remote_ids
            }
            if new:
                standing = self._import(project, form, new, standing)
            placed = {content.task_id: standing.remote_ids[content.task_id] for content in batch}
            told |= placed
            yield [PlacedTask(task_id, remote_id, project) for task_id, remote_id in placed.items()]
        if self._total(project) != standing.total:
            now = self._standing(project).remote_ids
            moved = {
                task_id: now[task_id] for task_id in told if now.get(task_id, told[task_id]) != told[task_id]
            }
            if moved:
                yield [PlacedTask(task_id, remote_id, project) for task_id, remote_id in moved.items()]

    def pull(self, container_id: str) -> Iterator[list[RemoteAnswer]]:
        """Yield every answer in a project, skipped ones included, in batches ordered by task.

        Drafts are left out: Label Studio shows a draft to nobody but its author. So are imported annotations:
        they carry the name of whoever imported them. What is no answer to the project's questions is dropped.
        """
        questions = self._questions(container_id)
        last = 0
        while True:
            page = self._get(
                "/api/tasks/", project=container_id, fields="all",
                page_size=PAGE, query=json.dumps(_answered_after(last)),
            )  # fmt: skip
            tasks = page["tasks"]
            answers = [answer for task in tasks for answer in self._answers(task, questions)]
            if answers:
                yield answers
            if len(tasks) >= page["total"]:
                return
            last = tasks[-1]["id"]

    def answers_to(self, remote_id: str) -> list[RemoteAnswer]:
        """Return the answers to one task; none when the project has no such task any more."""
        try:
            task = self._get(f"/api/tasks/{remote_id}/")
            return self._answers(task, self._questions(str(task["project"])))
        except RequestRefusedError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return []
            raise

    def find(self, kind: str, task_ids: Sequence[str]) -> list[PlacedTask]:
        """Return those of our tasks of one kind that stand here, doubles included; see ``Platform.find``."""
        project = self._project_tagged(self._tag(kind)) if task_ids else None
        if project is None:
            return []
        found: list[PlacedTask] = []
        for task_id in task_ids:
            item = {"filter": f"filter:tasks:data.{TASK_ID_KEY}", "operator": "equal"}
            query = {
                "filters": {"conjunction": "and", "items": [item | {"type": "String", "value": task_id}]}
            }
            page = self._get(
                "/api/tasks/", project=project, include="id,data",
                page_size=LISTING_PAGE, query=json.dumps(query),
            )  # fmt: skip
            found += [
                PlacedTask(task_id, str(task["id"]), str(project))
                for task in page["tasks"]
                if task["data"].get(TASK_ID_KEY) == task_id
            ]
        return found

    def remove(self, tasks: Sequence[PlacedTask]) -> None:
        """Delete these tasks, with every answer to them; see ``Platform.remove``.

        One at a time: the action for many takes a list that happens to be empty for "all tasks". A task that
        does not carry our id is not ours, whatever its number, and stays.
        """
        for task in tasks:
            path = f"/api/tasks/{int(task.remote_id)}/"
            try:
                standing = self._get(path)
            except RequestRefusedError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
                continue
            if standing["data"].get(TASK_ID_KEY) == task.task_id:
                self._connection.delete(path)

    def remove_answers(self, response_ids: Sequence[str]) -> None:
        """Delete these annotations; see ``Platform.remove_answers``."""
        for response_id in response_ids:
            self._connection.delete(f"/api/annotations/{int(response_id)}/")

    def close_account(self, is_theirs: Callable[[str], bool]) -> bool:
        """Delete the person's account, never our own; see ``Platform.close_account``."""
        me = self._connection.call(lambda: self._connection.sdk.users.whoami(), idempotent=True).id
        users = self._get("/api/users/")
        theirs = [user["id"] for user in users if user["id"] != me and is_theirs(user["email"].lower())]
        for user_id in theirs:
            self._connection.delete(f"/api/users/{int(user_id)}/")
            self._emails.pop(user_id, None)
        return bool(theirs)

    def invite(self, email: str, password: SecretStr) -> bool:
        """Create an annotator's account; return whether one was made. One that exists keeps its password.

        Raises:
            UsageError: Label Studio refuses the address or the password.
        """
        if email.lower() in self._list_emails().values():
            return False
        sign_up(self._connection.url, self._get("/api/invite")["invite_url"], email, password)
        return True

    def close(self) -> None:
        """Let go of connections."""
        self._connection.close()

    def _get(self, path: str, **params: str | int) -> Any:
        return self._connection.get(path, **params)

    # Projects

    def _find_project(self, form: Form, overlap: int) -> str:
        """Return the id of this workspace's project for ``form``, made or brought up to date where needed."""
        settings = _settings(form, overlap)
        tag = self._tag(form.kind)
        found = self._project_tagged(tag)
        projects = self._connection.sdk.projects
        if found is None:
            title = form.title.strip()[: TITLE_LENGTHS[1]].ljust(TITLE_LENGTHS[0], ".")
            description = (
                f"Paid feedback on shared chats, by ChatFeedback Workbench. Please leave this here: {tag}"
            )
            made = self._connection.call(
                lambda: projects.create(title=title, description=description, **settings), idempotent=False
            )
            return str(made.id)
        now = self._get(f"/api/projects/{found}/")
        changes = {key: value for key, value in settings.items() if now.get(key) != value}
        if changes:
            try:
                self._connection.call(lambda: projects.update(found, **changes), idempotent=True)
            except RequestRefusedError as error:
                raise ConfigurationError(
                    f"Label Studio does not take the changed form {form.title!r} for project {found}, which "
                    f"holds tasks or answers of the old one: {error}; export them and delete that project, "
                    "then push again"
                ) from error
        return str(found)

    def _tag(self, kind: str) -> str:
        return f"[chatfeedback {self._marker} {kind}]"

    def _project_tagged(self, tag: str) -> int | None:
        """Return the id of the oldest project with ``tag`` in its description."""
        found: list[int] = []
        page = 1
        while True:
            listing = self._get("/api/projects/", include="id,description", page=page, page_size=100)
            found += [
                project["id"] for project in listing["results"] if tag in (project["description"] or "")
            ]
            if not listing.get("next"):
                return min(found, default=None)
            page += 1

    def _questions(self, container_id: str) -> dict[str, frozenset[str] | None]:
        # Read anew each time: another process may have changed the form.
        return questions_of(self._get(f"/api/projects/{container_id}/").get("parsed_label_config"))

    # Tasks

    def _import(
        self, project: str, form: Form, new: Mapping[str, TaskContent], before: _Standing
    ) -> _Standing:
        tasks = [{"data": task_data(form, content)} for content in new.values()]
        projects = self._connection.sdk.projects
        answer = self._connection.call(
            lambda: projects.import_tasks(int(project), request=tasks, return_task_ids=True), idempotent=False
        )
        remote_ids = answer.task_ids or []
        after = _Standing(
            before.remote_ids | dict(zip(new, map(str, remote_ids), strict=False)), before.total + len(new)
        )
        if len(remote_ids) != len(new) or self._total(project) != after.total:
            after = self._standing(project)
        if missing := new.keys() - after.remote_ids.keys():
            raise ConnectionFailedError(
                f"Label Studio took {len(new)} tasks but {len(missing)} of them are not in project {project} "
                "yet; run the same command again"
            )
        return after

    def _total(self, project: str) -> int:
        return int(self._get("/api/tasks/", project=project, include="id", page_size=1)["total"])

    def _standing(self, project: str) -> _Standing:
        """Return what stands in the project, doubles removed: the one with answers stays, else the oldest."""
        copies: dict[str, list[tuple[bool, int]]] = {}
        last = total = 0
        while True:
            page = self._get(
                "/api/tasks/", project=project, include="id,data,total_annotations,cancelled_annotations",
                page_size=LISTING_PAGE, query=json.dumps(_after(last)),
            )  # fmt: skip
            for task in page["tasks"]:
                total += 1
                if isinstance(task_id := task["data"].get(TASK_ID_KEY), str):
                    copies.setdefault(task_id, []).append((not _is_answered(task), task["id"]))
            if len(page["tasks"]) >= page["total"]:
                break
            last = page["tasks"][-1]["id"]
        remote_ids: dict[str, str] = {}
        doubles: list[int] = []
        for task_id, same in copies.items():
            (_, kept), *others = sorted(same)
            remote_ids[task_id] = str(kept)
            doubles += [remote_id for unanswered, remote_id in others if unanswered]
        return _Standing(remote_ids, total - self._remove(project, doubles))

    def _remove(self, project: str, remote_ids: list[int]) -> int:
        """Delete doubles and return how many went; the server keeps what somebody answered meanwhile."""
        gone = 0
        for start in range(0, len(remote_ids), IMPORT_BATCH):
            # Never an empty list: Label Studio takes it for "all tasks".
            body: dict[str, Any] = {
                "selectedItems": {"all": False, "included": remote_ids[start : start + IMPORT_BATCH]},
                "filters": {
                    "conjunction": "and",
                    "items": [_number(kind, "equal", 0) for kind in ANSWER_COUNTS],
                },
            }
            answer: Any = self._connection.post("/api/dm/actions/", body, id="delete_tasks", project=project)
            gone += int(answer["processed_items"])
        return gone

    # Answers

    def _answers(
        self, task: Mapping[str, Any], questions: dict[str, frozenset[str] | None]
    ) -> list[RemoteAnswer]:
        task_id = task["data"].get(TASK_ID_KEY)
        answers = []
        for annotation in task.get("annotations", ()) if isinstance(task_id, str) else ():
            # Only an import leaves open who wrote an annotation last.
            if annotation["updated_by"] is None or (email := self._email_of(annotation)) is None:
                continue
            answers.append(
                RemoteAnswer(
                    response_id=str(annotation["id"]),
                    task_id=task_id,
                    person_id=self._person_id_of(email),
                    status=_STATUS[bool(annotation["was_cancelled"])],
                    values=values_of(annotation["result"], questions),
                    updated_at=datetime.fromisoformat(annotation["updated_at"]).astimezone(UTC),
                )
            )
        return answers

    def _email_of(self, annotation: Mapping[str, Any]) -> str | None:
        author = annotation.get("completed_by")
        if isinstance(author, dict):
            author = author.get("id")
        if not isinstance(author, int):
            return None
        if author not in self._emails:
            self._list_emails()
        if author not in self._emails:
            # Who left the organisation is not listed; the annotation still says "NAMES E-MAIL, ID".
            words = str(annotation.get("created_username", "")).rpartition(",")[0].split()
            if not words or "@" not in words[-1]:
                return None
            self._emails[author] = words[-1].lower()
        return self._emails[author]

    def _list_emails(self) -> dict[int, str]:
        # Who was removed is listed with an address that is none.
        users = self._get("/api/users/")
        self._emails |= {user["id"]: user["email"].lower() for user in users if "@" in user["email"]}
        return self._emails


def _settings(form: Form, overlap: int) -> dict[str, Any]:
    """Return the settings of a project that we keep as they are here."""
    return {
        "label_config": labeling_config(form),
        "expert_instruction": instructions(form.guidelines),
        "show_instruction": True,
        "maximum_annotations": overlap,
        "sampling": "Uniform sampling",
        "show_skip_button": True,
        "skip_queue": "REQUEUE_FOR_OTHERS",
        "enable_empty_annotation": False,
        "show_collab_predictions": False,
        "show_annotation_history": False,
        "reveal_preannotations_interactively": False,
        "evaluate_predictions_automatically": False,
    }


def _is_answered(task: Mapping[str, Any]) -> bool:
    return any(task[kind] for kind in ANSWER_COUNTS)


def _answered_after(remote_id: int) -> dict[str, object]:
    """Return the query for tasks with an answer or a skip and an id above ``remote_id``, in order of id.

    Paging by id, not by offset: a task deleted meanwhile must not make us miss another one.
    """
    newer = _number("id", "greater", remote_id)
    items = [_number(kind, "greater", 0) | {"child_filter": newer} for kind in ANSWER_COUNTS]
    return {"filters": {"conjunction": "or", "items": items}}


def _after(remote_id: int) -> dict[str, object]:
    """Return the query for tasks with an id above ``remote_id``, in order of id."""
    return {"filters": {"conjunction": "and", "items": [_number("id", "greater", remote_id)]}}


def _number(column: str, operator: str, value: int) -> dict[str, object]:
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": "Number", "value": value}
