"""A hostile annotator with a raw HTTP client, on the real Label Studio that 'chatfeedback up' starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from pydantic import SecretStr

from tests.attack.label_studio_arena import (
    FORM,
    PASSWORD,
    Arena,
    closed_routes,
    made_arena,
    open_reads,
)
from tests.attack.label_studio_attacks import ATTACKS, RESULT, Attack
from workspaces.errors import UsageError
from workspaces.platforms.label_studio.form import result_of
from workspaces.platforms.label_studio.session import next_task, sign_in, sign_up, submit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.shared_servers import TestServer

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def arena(label_studio_server: TestServer) -> Iterator[Arena]:
    yield from made_arena(label_studio_server)


@pytest.fixture(scope="module")
def before(arena: Arena) -> str:
    """What stood on the server before the first attack."""
    return arena.state()


@pytest.mark.parametrize("way", ["session", "token"])
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_is_refused_in_words(arena: Arena, before: str, attack: Attack, way: str) -> None:
    assert before
    client = arena.attacker if way == "session" else arena.attacker_by_token
    response = launch(arena, client, attack)
    assert response.status_code in (403, 404), (response.status_code, response.text[:500])
    assert arena.foreign_bytes(response) == []
    if attack.method == "HEAD":
        return
    assert response.text.strip()
    if "application/json" in response.headers.get("content-type", ""):
        assert response.json()["detail"]


def test_every_route_that_the_table_closes_is_closed(arena: Arena, before: str) -> None:
    assert before
    tried = 0
    for method, address in closed_routes():
        response = arena.attacker.request(method, address.format(**arena.ids))
        assert response.status_code in (403, 404), (method, address, response.status_code)
        assert arena.foreign_bytes(response) == [], (method, address)
        tried += 1
    print(f"{tried} routes and methods are closed")
    assert tried > 400


def test_every_route_that_is_open_to_read_tells_nothing_of_others(arena: Arena) -> None:
    more = [
        "/api/tasks/{task}/",
        "/api/tasks/{task_with_draft}/",
        "/api/tasks/{task_with_draft}/drafts",
        "/api/tasks/{task}/?annotations_stub=true",
        "/api/tasks/{task}/annotations/",
        "/api/tasks/?project={project}",
        "/api/dm/project?project={project}",
        "/api/dm/columns?project={project}",
        "/api/dm/views?project={project}",
        "/api/projects?page_size=100&include=created_by,members,annotators",
        "/api/projects/{project}/next",
        "/projects/{project}/data",
    ]
    refused = 0
    for address in [*open_reads(), *more]:
        if "logout" in address:
            continue
        response = arena.attacker.get(address.format(**arena.ids))
        assert response.status_code in (200, 403, 404), (address, response.status_code, response.text[:300])
        refused += response.status_code != 200
        assert arena.foreign_bytes(response) == [], address
    assert refused < len(more)
    action = arena.attacker.post(f"/api/dm/actions?id=next_task&project={arena.ids['project']}", json={})
    assert action.status_code == 200
    assert arena.foreign_bytes(action) == []


def test_own_answers_and_drafts_come_back_and_no_others(arena: Arena) -> None:
    task = arena.attacker.get(f"/api/tasks/{arena.ids['task_with_draft']}/").json()
    assert [str(draft["id"]) for draft in task["drafts"]] == [arena.ids["my_draft"]]
    assert task["annotations"] == []
    answered = arena.attacker.get(f"/api/tasks/{arena.ids['answered_task']}/").json()
    assert [str(item["id"]) for item in answered["annotations"]] == [arena.ids["my_annotation"]]
    listed = arena.attacker.get(f"/api/tasks/?project={arena.ids['project']}").json()["tasks"]
    assert [str(item["id"]) for item in listed] == [arena.ids["answered_task"]]


def test_a_stranger_gets_in_nowhere(arena: Arena, before: str) -> None:
    assert before
    invitation = arena.owner.get("/api/invite").json()["invite_url"]
    closed_reads = [address for method, address in closed_routes() if method == "GET"]
    with httpx.Client(base_url=arena.server.url) as stranger:
        for address in dict.fromkeys([*open_reads(), *closed_reads]):
            if not address.startswith(("/admin/", "/django-rq/", "/user/")):
                response = stranger.get(address.format(**arena.ids))
                assert response.status_code in (401, 404), (address, response.status_code)
                assert arena.foreign_bytes(response) == []
        for path in ("/user/signup/", "/user/signup/?token=", "/user/signup/?token=wrong", f"{invitation}x"):
            page = stranger.get(path)
            token = stranger.cookies.get("csrftoken", "")
            answer = stranger.post(
                path,
                data={
                    "email": "stranger@example.org",
                    "password": "long-enough-to-be-good",
                    "csrfmiddlewaretoken": token,
                },
                headers={"Referer": arena.server.url},
            )
            assert page.status_code in (200, 403)
            assert answer.status_code == 403
        assert (
            stranger.get("/projects/", headers={"Accept": "text/html"})
            .headers["location"]
            .startswith("/user/login/")
        )
    with pytest.raises(UsageError):
        sign_up(arena.server.url, invitation, "short@example.org", SecretStr("short"))
    assert "stranger@" not in arena.owner.get("/api/users/").text


def test_a_task_that_is_put_off_is_free_for_others_and_drafts_are_bounded(arena: Arena) -> None:
    seen = set()
    for _ in range(3):
        task = next_task(arena.attacker, arena.ids["project"])
        if task is None or task.remote_id in seen:
            break
        seen.add(task.remote_id)
        body = {"result": [], "was_postponed": True}
        assert arena.attacker.post(f"/api/tasks/{task.remote_id}/drafts", json=body).is_success
    # whatever the attacker puts off, the victim is offered what is theirs to answer
    offered = set()
    while (task := next_task(arena.victim, arena.ids["project"])) is not None:
        offered.add(task.remote_id)
        submit(arena.victim, task.remote_id, FORM, {}, 1.0)
    assert seen - {arena.ids["task"]} <= offered
    address = f"/api/tasks/{arena.ids['answered_task']}/drafts"
    statuses = [arena.attacker.post(address, json={"result": []}).status_code for _ in range(12)]
    assert statuses == [201] * 10 + [403] * 2


def test_a_skip_becomes_no_answer_once_the_task_has_all_its_answers(arena: Arena) -> None:
    task = arena.new_task()
    address = f"/api/tasks/{task}/annotations/"
    skip = arena.attacker.post(address, json={"result": [], "was_cancelled": True}).raise_for_status().json()
    for other in (arena.victim, arena.owner):
        submit(other, task, FORM, {"suggestion": "Rome."}, 1.0)
    own = f"/api/annotations/{skip['id']}/"
    answer: dict[str, Any] = {"result": result_of(FORM, {"suggestion": "Lyon."}), "was_cancelled": False}
    assert arena.attacker.patch(own, json=answer).status_code == 403
    assert arena.attacker.post(f"{own}convert-to-draft").status_code == 201
    assert arena.attacker.post(address, json=answer).status_code == 403
    assert len(arena.answers_to(task)) == 2


def test_nobody_snatches_a_task_that_was_given_to_another(arena: Arena) -> None:
    task = arena.new_task()
    given = next_task(arena.victim, arena.ids["project"])
    assert given is not None
    assert given.remote_id == task  # they have answered all others
    submit(arena.owner, task, FORM, {"suggestion": "Rome."}, 1.0)
    refused = arena.attacker.post(f"/api/tasks/{task}/annotations/", json={"result": RESULT})
    assert refused.status_code == 403
    submit(arena.victim, task, FORM, {"suggestion": "Paris."}, 1.0)
    assert len(arena.answers_to(task)) == 2


def test_after_all_attacks_nothing_of_others_has_changed_and_work_goes_on(
    label_studio_server: TestServer,
) -> None:
    """A project of its own: the tests before have let people work in theirs."""
    for arena in made_arena(label_studio_server):
        before = arena.state()
        for attack in ATTACKS:
            launch(arena, arena.attacker, attack)
        after = arena.state()
        assert after == before
        task = next_task(arena.attacker, arena.ids["project"])
        assert task is not None
        annotation = submit(arena.attacker, task.remote_id, FORM, {"suggestion": "Lyon."}, 2.0)
        own = {"result": result_of(FORM, {"suggestion": "Paris."}), "was_cancelled": False}
        changed = arena.attacker.patch(f"/api/annotations/{annotation}/", json=own)
        assert changed.status_code == 200
        (answer,) = [it for it in arena.answers_to(task.remote_id) if it.response_id == annotation]
        assert answer.values == {"suggestion": "Paris."}
        assert arena.attacker.delete(f"/api/annotations/{annotation}/").status_code == 204
        assert sign_in(arena.server.url, answer.person_id, PASSWORD)


def launch(arena: Arena, client: httpx.Client, attack: Attack) -> httpx.Response:
    address = attack.address
    for name, value in arena.ids.items():
        address = address.replace(f"{{{name}}}", value)
    more: dict[str, Any] = {"headers": dict(attack.headers)}
    if attack.content is not None:
        more["content"] = attack.content
    elif attack.form is not None:
        more["data"] = {name: filled(value, arena.ids) for name, value in attack.form.items()}
    elif attack.body is not None:
        more["json"] = filled(attack.body, arena.ids)
    return client.request(attack.method, address, **more)


def filled(body: Any, ids: Mapping[str, str]) -> Any:
    """Return a body with numbers in the places of ids."""
    if isinstance(body, dict):
        return {name: filled(value, ids) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, ids) for value in body]
    if isinstance(body, str) and body.startswith("{") and body.strip("{}") in ids:
        return int(ids[body.strip("{}")])
    return body
