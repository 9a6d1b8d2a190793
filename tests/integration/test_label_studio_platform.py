"""The Label Studio platform against a real Label Studio 1.23.2, which other tests use as well."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from workspaces.errors import ConnectionFailedError, CredentialsError, UsageError
from workspaces.forms import Form, TaskContent, Turn
from workspaces.kinds import ChatField, ChoiceQuestion, TextQuestion
from workspaces.platforms.label_studio.form import DIALOGUE, labeling_config
from workspaces.platforms.label_studio.platform import LabelStudioPlatform
from workspaces.platforms.label_studio.session import next_task, personal_access_token, sign_in, submit
from workspaces.records import AnnotationStatus, GivenAnswer, Significance
from workspaces.registry import PLATFORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.shared_servers import TestServer
    from workspaces.platforms.base import RemoteAnswer

pytestmark = pytest.mark.servers

PASSWORD = SecretStr("long-enough-to-be-good")
TAGS = {"yes": "Yes", "no": "No", "na": "N/A"}
ALL_TAGS = {
    "instruction": "yes",
    "helpful": "no",
    "factual": "na",
    "style": "yes",
    "sensitive": "no",
    "toxic": "no",
}
QUALITATIVE = Form(
    kind="qualitative",
    title="Rate one response",
    guidelines="Judge the **last** response only.\n\n- Choose N/A when a quality does not apply.",
    fields=(ChatField("conversation", "Conversation so far"), ChatField("response", "Response to judge")),
    questions=(
        *(ChoiceQuestion(name, name.title(), f"Is it {name}?", TAGS) for name in ALL_TAGS),
        TextQuestion("suggestion", "A better response", "Optional."),
    ),
)
PREFERENCE = Form(
    kind="preference",
    title="Choose the better answer",
    guidelines="Read both answers.",
    fields=(
        ChatField("conversation", "Conversation so far"),
        ChatField("answer_a", "Answer A"),
        ChatField("answer_b", "Answer B"),
    ),
    questions=(
        ChoiceQuestion(
            "preference", "Which is better?", "", {"a": "A is better", "tie": "The same", "b": "B is better"}
        ),
    ),
    side_by_side=("answer_a", "answer_b"),
)
HOSTILE = (
    "<script>alert(1)</script><img src='http://evil.example/x.png' onerror=alert(2)> ]]> &lt;b&gt; $worth "
    "{{7*7}} "
    "'\"\\ \u202e \u200b \U0001f600\n\n\ttab </View>"
)


@pytest.fixture
def marker() -> str:
    return secrets.token_hex(4)


@pytest.fixture
def platform(label_studio_server: TestServer, marker: str) -> Iterator[LabelStudioPlatform]:
    made = LabelStudioPlatform(label_studio_server.url, label_studio_server.api_key, pseudonym, marker)
    yield made
    made.close()


def pseudonym(email: str) -> str:
    return f"person of {email}"


def content(task_id: str, text: str = "Paris.") -> TaskContent:
    return TaskContent(
        task_id=task_id,
        chats={
            "conversation": (Turn("User", "What is the capital of France?"),),
            "response": (Turn("Assistant", text),),
            "answer_a": (Turn("Assistant", text),),
            "answer_b": (Turn("Assistant", "Lyon."),),
        },
        significance=Significance.HIGH,
        quote={"tags": 12, "suggestion": 16},
        quote_texts={"tags": "the six tags", "suggestion": "a rewrite"},
    )


def place_of(platform: LabelStudioPlatform, project: str, remote_id: str) -> Any:
    (place,) = (it for it in platform.standing(project) if it.remote_id == remote_id)
    return place


def pushed(platform: LabelStudioPlatform, count: int, overlap: int = 1) -> tuple[str, dict[str, str]]:
    """Push tasks and return the project and the remote ids by task id."""
    batches = list(platform.push(QUALITATIVE, [content(f"task {n}") for n in range(count)], overlap))
    placed = {task.task_id: task for batch in batches for task in batch}
    (project,) = {task.container_id for task in placed.values()}
    return project, {task_id: task.remote_id for task_id, task in placed.items()}


def pulled(platform: LabelStudioPlatform, project: str) -> list[RemoteAnswer]:
    return [answer for batch in platform.pull(project) for answer in batch]


def person(platform: LabelStudioPlatform, server: TestServer) -> tuple[str, httpx.Client]:
    email = f"Ann-{secrets.token_hex(3)}@example.org"
    assert platform.invite(email, PASSWORD)
    return email.lower(), sign_in(server.url, email, PASSWORD)


def as_lead(server: TestServer) -> httpx.Client:
    return sign_in(server.url, server.admin_email, server.admin_password)


def task_ids_on_server(server: TestServer, project: str) -> Counter[str]:
    with as_lead(server) as lead:
        tasks = lead.get("/api/tasks/", params={"project": project, "page_size": 10_000}).json()["tasks"]
    return Counter(task["data"]["task_id"] for task in tasks)


def test_check_tells_the_version(platform: LabelStudioPlatform, label_studio_server: TestServer) -> None:
    assert platform.check() == f"Label Studio 1.23.2 at {label_studio_server.url}"


def test_pushing_twice_changes_nothing(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    first = pushed(platform, 7, overlap=2)
    with as_lead(label_studio_server) as lead:
        before = lead.get(f"/api/projects/{first[0]}/").json()
        assert pushed(platform, 7, overlap=2) == first
        after = lead.get(f"/api/projects/{first[0]}/").json()
    assert after == before
    assert after["maximum_annotations"] == 2
    assert after["sampling"] == "Uniform sampling"
    assert after["show_instruction"]
    assert set(task_ids_on_server(label_studio_server, first[0]).values()) == {1}


def test_a_later_push_adds_only_what_is_missing_in_order_of_the_batches(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, few = pushed(platform, 3)
    same, more = pushed(platform, 1_203)
    assert same == project
    assert few.items() <= more.items()
    assert len(set(more.values())) == 1_203
    assert sum(task_ids_on_server(label_studio_server, project).values()) == 1_203


def test_a_changed_form_and_overlap_reach_the_same_project(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, _ = pushed(platform, 1)
    changed = Form(**{**_plain(QUALITATIVE), "guidelines": "New rules & more.", "fields": (
        ChatField("conversation", "What was said"), ChatField("response", "The response"))})  # fmt: skip
    (batch,) = platform.push(changed, [content("task 0")], 3)
    assert batch[0].container_id == project
    found = platform.settings(changed, 3)
    assert found is not None
    differing = {name for name, text in found.ours.items() if found.there[name] != text}
    assert differing == {"guidelines", "overlap", "the form (label_config)"}  # a push changes no settings
    platform.write_settings(changed, 3, differing)
    with as_lead(label_studio_server) as lead:
        now = lead.get(f"/api/projects/{project}/").json()
    assert now["maximum_annotations"] == 3
    assert now["expert_instruction"] == "<p>New rules &amp; more.</p>"
    assert "What was said" in now["label_config"]


def test_a_project_from_before_texts_were_rendered_keeps_its_look_until_it_is_empty(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, _ = pushed(platform, 1)

    def shows_dialogues() -> bool:
        return DIALOGUE in lead.get(f"/api/projects/{project}/").json()["label_config"]

    def differing() -> set[str]:
        found = platform.settings(QUALITATIVE, 1)
        assert found is not None
        return {name for name, text in found.ours.items() if found.there[name] != text}

    with as_lead(label_studio_server) as lead:
        old = {"label_config": labeling_config(QUALITATIVE, dialogues=True)}
        assert not shows_dialogues()
        assert lead.patch(f"/api/projects/{project}/", json=old).is_success
        assert not differing()
        platform.remove(platform.standing(project))
        platform.write_settings(QUALITATIVE, 1, differing())
        assert not shows_dialogues()


def _plain(form: Form) -> dict[str, Any]:
    return {name: getattr(form, name) for name in Form.__dataclass_fields__}


def test_two_workspaces_and_two_kinds_on_one_server_do_not_meet(
    platform: LabelStudioPlatform, label_studio_server: TestServer, marker: str
) -> None:
    other = LabelStudioPlatform(label_studio_server.url, label_studio_server.api_key, pseudonym, marker + "1")
    (preferences,) = platform.push(PREFERENCE, [content("task 0")], 1)
    projects = {pushed(platform, 1)[0], pushed(other, 1)[0], preferences[0].container_id}
    other.close()
    assert len(projects) == 3


@pytest.mark.parametrize("delay", [0.1, 0.3, 0.6])
def test_a_push_killed_at_any_moment_leaves_no_double(
    platform: LabelStudioPlatform, label_studio_server: TestServer, marker: str, delay: float
) -> None:
    script = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from tests.integration.test_label_studio_platform import *\n"
        "key = SecretStr(sys.stdin.readline().strip())\n"
        "p = LabelStudioPlatform(sys.argv[2], key, pseudonym, sys.argv[3])\n"
        "p.check(); print('ready', flush=True)\n"
        "for batch in p.push(QUALITATIVE, (content(f'task {n}') for n in range(1000)), 1): pass\n"
    )
    here = Path(__file__)
    process = subprocess.Popen(
        [sys.executable, "-c", script, here.parents[2], label_studio_server.url, marker],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(label_studio_server.api_key.get_secret_value() + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "ready\n"
    time.sleep(delay)
    process.kill()
    process.communicate()
    project, remote_ids = pushed(platform, 1_000)
    counts = task_ids_on_server(label_studio_server, project)
    assert len(counts) == 1_000
    assert set(counts.values()) == {1}
    assert len(set(remote_ids.values())) == 1_000


@pytest.mark.parametrize("moment", [0, 3, 119])
def test_an_import_that_a_killed_push_left_running_arrives_during_the_next_one(
    platform: LabelStudioPlatform,
    label_studio_server: TestServer,
    moment: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workspaces.platforms.label_studio.tasks.IMPORT_BATCH", 50)
    monkeypatch.setattr("workspaces.platforms.label_studio.tasks.LISTING_PAGE", 100)
    project, remote_ids = pushed(platform, 1)

    def contents() -> Iterator[TaskContent]:
        for n in range(120):
            if n == moment:  # what stands in the project was listed already
                copies = [{"data": data | {"task_id": f"task {k}"}} for k in range(40, 70)]
                lead.post(f"/api/projects/{project}/import", json=copies).raise_for_status()
            yield content(f"task {n}")

    with as_lead(label_studio_server) as lead:
        data = lead.get(f"/api/tasks/{remote_ids['task 0']}/").json()["data"]
        told = {
            task.task_id: task.remote_id
            for batch in platform.push(QUALITATIVE, contents(), 1)
            for task in batch
        }
    counts = task_ids_on_server(label_studio_server, project)
    assert len(counts) == 120
    assert set(counts.values()) == {1}
    assert pushed(platform, 120) == (project, told)


def test_of_two_copies_the_answered_one_stays_and_else_the_older(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 3)
    with as_lead(label_studio_server) as lead:
        tasks = lead.get("/api/tasks/", params={"project": project}).json()["tasks"]
        copies = [{"data": task["data"]} for task in tasks]
        answer = lead.post(f"/api/projects/{project}/import?return_task_ids=true", json=copies).json()
        answered = str(answer["task_ids"][1])
        submit(lead, answered, QUALITATIVE, ALL_TAGS, 5.0)
    now = pushed(platform, 3)[1]
    changed_id = tasks[1]["data"]["task_id"]
    assert now == remote_ids | {changed_id: answered}
    assert set(task_ids_on_server(label_studio_server, project).values()) == {1}
    assert [answer.remote_id for answer in pulled(platform, project)] == [answered]


def test_an_annotator_who_signed_up_answers_and_the_answer_is_pulled_with_his_pseudonym(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 2)
    email, client = person(platform, label_studio_server)
    with client:
        task = next_task(client, project)
        assert task is not None
        assert remote_ids[task.task_id] == task.remote_id
        values = ALL_TAGS | {"suggestion": HOSTILE}
        annotation = submit(client, task.remote_id, QUALITATIVE, values, 12.5)
    (answer,) = pulled(platform, project)
    assert answer.response_id == annotation
    assert (answer.remote_id, answer.editor_id) == (task.remote_id, answer.person_id)
    assert answer.person_id == pseudonym(email)
    assert answer.status is AnnotationStatus.SUBMITTED
    assert answer.values == values
    assert answer.updated_at.tzinfo is UTC
    assert platform.answers_to(place_of(platform, project, task.remote_id)) == [answer]


def test_an_edit_changes_the_values_and_the_time(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 1)
    remote_id = remote_ids["task 0"]
    place = place_of(platform, project, remote_id)
    _, client = person(platform, label_studio_server)
    with client:
        annotation = submit(client, remote_id, QUALITATIVE, ALL_TAGS, 1.0)
        (before,) = platform.answers_to(place) or []
        result = client.get(f"/api/annotations/{annotation}/").json()["result"]
        result[0]["value"]["choices"] = ["na"]
        client.patch(f"/api/annotations/{annotation}/", json={"result": result}).raise_for_status()
    (after,) = platform.answers_to(place) or []
    assert (after.response_id, after.made_at) == (before.response_id, before.made_at)
    given_at = before.updated_at
    platform.remove_answers([GivenAnswer(annotation, given_at - timedelta(days=1), given_at)])
    platform.remove_answers([GivenAnswer(annotation, None, given_at - timedelta(days=1))])
    assert platform.answers_to(place) == [after], "another answer has that number"
    assert after.values == ALL_TAGS | {"instruction": "na"}
    assert after.updated_at > before.updated_at


def test_a_skip_is_discarded_and_a_deleted_annotation_vanishes(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 2)
    skipped, answered = remote_ids.values()
    _, client = person(platform, label_studio_server)
    with client:
        client.post(f"/api/tasks/{skipped}/annotations/", json={"result": [], "was_cancelled": True})
        annotation = submit(client, answered, QUALITATIVE, ALL_TAGS, 1.0)
        assert [answer.status for answer in pulled(platform, project)] == [
            AnnotationStatus.DISCARDED,
            AnnotationStatus.SUBMITTED,
        ]
        client.delete(f"/api/annotations/{annotation}/").raise_for_status()
    assert [answer.status for answer in pulled(platform, project)] == [AnnotationStatus.DISCARDED]
    place = place_of(platform, project, answered)
    assert platform.answers_to(place) == []
    for other in (
        {"remote_id": "999999999"},
        {"task_id": "another"},
        {"made_at": place.made_at - timedelta(1)},
    ):
        assert platform.answers_to(replace(place, **other)) is None


def test_many_answers_are_pulled_page_by_page(
    platform: LabelStudioPlatform, label_studio_server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.platforms.label_studio.platform.PAGE", 2)
    project, remote_ids = pushed(platform, 15)
    with as_lead(label_studio_server) as lead:
        answered = [task_id for n, task_id in enumerate(remote_ids) if n % 3]
        for task_id in answered:
            submit(lead, remote_ids[task_id], QUALITATIVE, ALL_TAGS, 1.0)
    batches = list(platform.pull(project))
    assert [answer.remote_id for batch in batches for answer in batch] == [remote_ids[it] for it in answered]
    assert len(batches) == 5
    assert {a.person_id for b in batches for a in b} == {pseudonym(label_studio_server.admin_email)}


def test_malformed_and_imported_annotations_do_no_harm(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 1)
    results: list[object] = [
        [{"from_name": "unknown", "value": {"choices": ["yes"]}}, {"from_name": "helpful", "value": None}],
        [{"from_name": "helpful", "value": {"choices": ["yes", "no"]}}, "nonsense", 7, None],
        [{"from_name": "helpful", "value": {"choices": [["yes"]]}}, {"from_name": ["helpful"]}],
        [{"from_name": "suggestion", "value": {"text": ["x" * 200_000]}}],
        [{"from_name": "toxic", "value": {"choices": ["certainly"]}}],
    ]
    with as_lead(label_studio_server) as lead:
        for result in results:
            lead.post(f"/api/tasks/{remote_ids['task 0']}/annotations/", json={"result": result})
        data = lead.get(f"/api/tasks/{remote_ids['task 0']}/").json()["data"] | {"task_id": "imported"}
        imported = {"data": data, "annotations": [{"result": []}, {"result": [], "completed_by": 1}]}
        lead.post(f"/api/projects/{project}/import", json=[imported]).raise_for_status()
        stranger = {"data": data | {"task_id": 5}, "annotations": [{"result": []}]}
        lead.post(f"/api/projects/{project}/import", json=[stranger]).raise_for_status()
    answers = pulled(platform, project)
    assert {answer.remote_id for answer in answers} == {remote_ids["task 0"]}
    assert [dict(answer.values) for answer in answers] == [{}] * len(answers)
    assert pushed(platform, 1) == (project, remote_ids)


def test_hostile_text_arrives_unchanged_and_tells_no_model(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    (batch,) = platform.push(QUALITATIVE, [content("hostile", HOSTILE), content("nul", "a\x00b\ud800c")], 1)
    with as_lead(label_studio_server) as lead:
        hostile, nul = (lead.get(f"/api/tasks/{task.remote_id}/").json()["data"] for task in batch)
    assert hostile["chat_response"] == [{"speaker": "Assistant", "text": HOSTILE}]
    chats = {f"{what}_{name}" for what in ("chat", "shown") for name in ("conversation", "response")}
    assert set(hostile) == {"task_id", "worth", *chats}
    assert (
        hostile["worth"]
        == "Significance: high · 12 points for the six tags · 16 points for a rewrite · Task hostile"
    )
    assert nul["chat_response"][0]["text"] == "a\ufffdb\ufffdc"


def test_three_people_give_each_task_two_answers_when_the_overlap_is_two(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 4, overlap=2)
    clients = [person(platform, label_studio_server)[1] for _ in range(3)]
    given: list[tuple[str, int]] = []
    idle = 0
    while idle < 3:
        idle = 0
        for n, client in enumerate(clients):
            task = next_task(client, project)
            if task is None:
                idle += 1
            else:
                submit(client, task.remote_id, QUALITATIVE, ALL_TAGS, 1.0)
                given.append((task.task_id, n))
    for client in clients:
        client.close()
    assert len(given) == len(set(given)) == 8
    assert Counter(task_id for task_id, _ in given) == dict.fromkeys(remote_ids, 2)
    assert len(pulled(platform, project)) == 8


def test_inviting_twice_is_no_error_and_a_bad_password_is_refused(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    email, client = person(platform, label_studio_server)
    client.close()
    assert not platform.invite(email, SecretStr("another-password-1"))
    sign_in(label_studio_server.url, email, PASSWORD).close()
    with pytest.raises(UsageError, match="8 to 128 characters"):
        platform.invite("new@example.org", SecretStr("short"))

    # the page's sign-in: the same password, asked of the real server
    proven = PLATFORMS["label_studio"].prove(label_studio_server.url, email.upper(), PASSWORD)
    assert (proven.name, proven.is_owner, proven.is_vouched) == (email, False, False)
    for wrong in ("another-password-1", ""):
        with pytest.raises(CredentialsError):
            PLATFORMS["label_studio"].prove(label_studio_server.url, email, SecretStr(wrong))


def test_who_left_the_organisation_keeps_his_answers(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    project, remote_ids = pushed(platform, 1)
    email, client = person(platform, label_studio_server)
    with client:
        submit(client, remote_ids["task 0"], QUALITATIVE, ALL_TAGS, 1.0)
        user = client.get("/api/current-user/whoami").json()["id"]
    with as_lead(label_studio_server) as lead:
        lead.delete(f"/api/organizations/1/memberships/{user}/").raise_for_status()
    fresh = LabelStudioPlatform(label_studio_server.url, label_studio_server.api_key, pseudonym, "unused")
    assert [answer.person_id for answer in pulled(fresh, project)] == [pseudonym(email)]
    fresh.close()


@pytest.mark.parametrize("key", ["0123456789abcdef0123456789abcdef01234567", "a.b.c", "not/ascii é"])
def test_a_legacy_token_is_refused_with_advice_and_not_quoted(
    label_studio_server: TestServer, key: str
) -> None:
    platform = LabelStudioPlatform(label_studio_server.url, SecretStr(key), pseudonym, "m")
    with pytest.raises(CredentialsError, match="personal access token") as caught:
        platform.check()
    assert key not in str(caught.value)
    assert key not in repr(vars(platform))
    platform.close()


def test_a_wrong_and_a_revoked_token_are_credentials_errors(label_studio_server: TestServer) -> None:
    head, body, signature = label_studio_server.api_key.get_secret_value().split(".")
    forged = SecretStr(f"{head}.{body}.{signature[::-1]}")
    platform = LabelStudioPlatform(label_studio_server.url, forged, pseudonym, "m")
    with pytest.raises(CredentialsError, match="does not accept our key"):
        platform.check()
    with pytest.raises(CredentialsError):
        list(platform.push(QUALITATIVE, [content("x")], 1))
    platform.close()
    with pytest.raises(CredentialsError, match="password"):
        sign_in(label_studio_server.url, label_studio_server.admin_email, SecretStr("wrong-password"))


def test_a_new_personal_access_token_revokes_the_older_one(
    platform: LabelStudioPlatform, label_studio_server: TestServer
) -> None:
    email, client = person(platform, label_studio_server)
    client.close()
    old = personal_access_token(label_studio_server.url, email, PASSWORD)
    new = personal_access_token(label_studio_server.url, email, PASSWORD)
    for key, accepted in ((new, True), (old, False)):
        own = LabelStudioPlatform(label_studio_server.url, key, pseudonym, "m")
        if accepted:
            own.check()
        else:
            with pytest.raises(CredentialsError):
                own.check()
        own.close()


def test_an_unreachable_server_is_a_connection_failure(
    label_studio_server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workspaces.platforms.base.FIRST_PAUSE", 0.01)
    platform = LabelStudioPlatform("http://127.0.0.1:9", label_studio_server.api_key, pseudonym, "m")
    with pytest.raises(ConnectionFailedError, match="chatfeedback up label-studio") as caught:
        platform.check()
    assert not isinstance(caught.value, CredentialsError)
    platform.close()
    with pytest.raises(ConnectionFailedError, match="cannot be reached"):
        sign_in("http://127.0.0.1:9", "a@example.org", PASSWORD)
