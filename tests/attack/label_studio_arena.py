"""A guarded Label Studio with a victim who has answered, and an attacker who has an account."""

from __future__ import annotations

import csv
import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import kind_of
from workspaces.platforms.label_studio.form import result_of
from workspaces.platforms.label_studio.platform import LabelStudioPlatform
from workspaces.platforms.label_studio.session import personal_access_token, sign_in, submit
from workspaces.records import Significance
from workspaces.servers.label_studio import DOOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.shared_servers import TestServer
    from workspaces.platforms.base import RemoteAnswer

PASSWORD = SecretStr("long-enough-to-be-good")
FORM = Form.of(kind_of("qualitative"))
ROUTES = DOOR / "label_studio_door" / "routes.csv"
OVERLAP = 2


@dataclass(slots=True)
class Arena:
    """The server, the ids of what is the victim's, and the clients of those who take part."""

    server: TestServer
    platform: LabelStudioPlatform
    owner: httpx.Client
    victim: httpx.Client
    attacker: httpx.Client
    attacker_by_token: httpx.Client
    ids: dict[str, str]
    """What an attack's address may hold in braces."""

    secrets: tuple[str, ...]
    """What no answer to the attacker may hold."""

    def foreign_bytes(self, response: httpx.Response) -> list[str]:
        """Return the secrets in an answer."""
        said = f"{response.text} {response.headers}".casefold()
        return [secret for secret in self.secrets if secret.casefold() in said]

    def new_task(self) -> str:
        """Push one more task into the project; return its id there."""
        content = content_of(f"task {secrets.token_hex(4)}")
        ((placed,),) = self.platform.push(FORM, [content], OVERLAP)
        return placed.remote_id

    def answers_to(self, remote_id: str) -> list[RemoteAnswer]:
        """Return the answers to one task of the project."""
        project = self.ids["project"]
        (place,) = (it for it in self.platform.standing(project) if it.remote_id == remote_id)
        return self.platform.answers_to(place) or []

    def state(self) -> str:
        """Return what the owner can see that must not change."""
        paths = [
            f"/api/tasks/?project={self.ids['project']}&fields=all&page_size=1000",
            "/api/users/",
            "/api/webhooks/",
            "/api/jwt/settings",
            "/api/invite",
            "/api/organizations/1",
            f"/api/projects/{self.ids['project']}/imports/1/",
            f"/api/ml?project={self.ids['project']}",
            f"/api/dm/views?project={self.ids['project']}",
            f"/api/storages?project={self.ids['project']}",
            f"/api/predictions?project={self.ids['project']}",
            f"/api/projects/{self.ids['project']}/",
        ]
        answers = [self.owner.get(path) for path in paths]
        return json.dumps([_still(answer.json()) for answer in answers], indent=1, sort_keys=True)

    def close(self) -> None:
        for client in (self.owner, self.victim, self.attacker, self.attacker_by_token):
            client.close()
        self.platform.close()


def content_of(task_id: str) -> TaskContent:
    turns = (Turn("Assistant", "Paris."),)
    return TaskContent(
        task_id, {chat.name: turns for chat in FORM.fields}, Significance.HIGH, {"qualities": 1}
    )


def made_arena(server: TestServer) -> Iterator[Arena]:
    """Fill a project, let the victim answer, and let the attacker in."""
    mark = secrets.token_hex(6)
    platform = LabelStudioPlatform(server.url, server.api_key, lambda email: email, f"attack-{mark}")
    contents = [content_of(f"task {number}") for number in range(6)]
    (batch,) = platform.push(FORM, contents, OVERLAP)
    victim_email, attacker_email = f"victim-{mark}@example.org", f"attacker-{mark}@example.org"
    for email in (victim_email, attacker_email):
        assert platform.invite(email, PASSWORD)
    victim = sign_in(server.url, victim_email, PASSWORD)
    attacker = sign_in(server.url, attacker_email, PASSWORD)
    owner = sign_in(server.url, server.admin_email, server.admin_password)
    answer, draft = f"answer-{secrets.token_hex(8)}", f"draft-{secrets.token_hex(8)}"
    first, second, third, *_ = [task.remote_id for task in batch]
    values = {question.name: answer for question in FORM.questions if question.name == "suggestion"}
    annotation_id = submit(victim, first, FORM, values, 4321.125)
    draft_body: Any = {"result": result_of(FORM, {"suggestion": draft}), "lead_time": 1.0}
    draft_id = victim.post(f"/api/tasks/{second}/drafts", json=draft_body).raise_for_status().json()["id"]
    mine = attacker.post(f"/api/tasks/{third}/annotations/", json={"result": []}).raise_for_status().json()
    my_draft = attacker.post(f"/api/tasks/{second}/drafts", json={"result": []}).raise_for_status().json()
    # a task with all its answers, none of them the attacker's
    full = batch[4].remote_id
    submit(victim, full, FORM, values, 4321.125)
    submit(owner, full, FORM, values, 4321.125)
    users = owner.get("/api/users/").json()
    invitation = owner.get("/api/invite").json()
    token = personal_access_token(server.url, attacker_email, PASSWORD).get_secret_value()
    access = httpx.post(f"{server.url}/api/token/refresh/", json={"refresh": token}).json()["access"]
    by_token = httpx.Client(base_url=server.url, timeout=60, headers={"Authorization": f"Bearer {access}"})
    arena = Arena(
        server=server, platform=platform, owner=owner, victim=victim, attacker=attacker,
        attacker_by_token=by_token,
        ids={
            "project": batch[0].container_id, "task": first, "task_with_draft": second, "full_task": full,
            "free_task": batch[3].remote_id, "answered_task": third,
            "annotation": annotation_id, "draft": str(draft_id),
            "my_annotation": str(mine["id"]), "my_draft": str(my_draft["id"]),
            "victim": str(next(user["id"] for user in users if user["email"] == victim_email)),
            "attacker": str(next(user["id"] for user in users if user["email"] == attacker_email)),
            "owner": str(next(user["id"] for user in users if user["email"] == server.admin_email)),
        },
        secrets=(
            victim_email.split("@")[0], answer, draft, "4321.125", server.admin_email,
            invitation["invite_url"].split("token=")[-1],
        ),
    )  # fmt: skip
    yield arena
    arena.close()


def closed_routes() -> Iterator[tuple[str, str]]:
    """Yield a method and an address for what the table closes to annotators and Label Studio's views take."""
    with ROUTES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            is_open = f"{row['annotator']} {row['anyone']}".split()
            methods = row["methods"].replace("*", "GET POST").split()
            if row["pattern"].startswith(("admin/", "django-rq/")):  # one view for all: Django's own are many
                methods = ["GET"]
            for method in methods:
                if method not in is_open:
                    yield method, address_of(row["pattern"])


def open_reads() -> list[str]:
    """Return an address for each route that annotators may read."""
    with ROUTES.open(encoding="utf-8") as file:
        return [
            address_of(row["pattern"]) for row in csv.DictReader(file) if "GET" in row["annotator"].split()
        ]


def address_of(pattern: str) -> str:
    """Return an address that resolves to a pattern of Django's; ids are in braces, as in ``Arena.ids``."""
    what = next(
        (
            name
            for start, name in (
                ("^api/annotations", "annotation"), ("^api/drafts", "draft"), ("^api/tasks", "task"),
                ("^tasks", "task"), ("^api/users", "victim"), ("^api/organizations", "organization"),
            )
            if pattern.startswith(start)
        ),
        "project",
    )  # fmt: skip
    number = {"organization": "1"}.get(what, f"{{{what}}}")
    address = pattern.replace("<int:annotation_id>", "{annotation}").replace("<int:user_pk>", "{victim}")
    address = re.sub(r"<int:(pk|task_id|project_id)>", number, address)
    address = re.sub(r"\(\?P<pk>[^)]*\)", number, address)
    address = re.sub(r"\(\?P<format>[^)]*\)|<drf_format_suffix:format>", ".json", address).replace("..", ".")
    address = address.replace("(?P<path>.*)", "x.txt").replace("(?P<url>.*)", "x")
    address = re.sub(r"\(\?P<(queue_index|scheduler_index)>[^)]*\)", "0", address)
    address = re.sub(r"\(\?P<app_label>[^)]*\)", "tasks", address)
    address = re.sub(r"\(\?P<[^)]*\)", "x", address)
    address = re.sub(r"<(int|path|str):\w+>|<\w+>", "1", address)
    return "/" + re.sub(r"[\^$\\]", "", address.replace("/?$", "/")).replace(")?", "").lstrip("/").replace(
        "?", ""
    )


def _still(answer: Any) -> Any:
    """Return an answer without what changes by itself."""
    moving = {"last_activity", "created_ago", "id_of_error", "id", "invite_url_expires"}
    if isinstance(answer, dict):
        gone = moving - {"id"} if "status_code" not in answer else moving
        return {name: _still(value) for name, value in answer.items() if name not in gone}
    if isinstance(answer, list):
        return [_still(item) for item in answer]
    return answer
