"""A workspace with real rows, its page, and browsers of people who are signed in by real links."""

from __future__ import annotations

import json
import shutil
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from chatfeedback import steps
from chatfeedback.demo.habits import PEOPLE
from chatfeedback.web.app import application
from tests.filled_workspace import fill
from tests.unit.chatfeedback.web.browser import Browser
from workspaces.records import PlacedTask, stable_id
from workspaces.store.annotations import annotation_revision
from workspaces.store.identities import save_identities
from workspaces.store.members import MemberStatus, admit
from workspaces.store.tasks import all_tasks, save_placements
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202e\x1b[2J {{ 7 * 7 }} \"' --"
"""What a giver may write."""

ARGILLA = "http://argilla.invalid"


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a filled workspace to copy, whose people have accounts on Argilla, and gave chats just now."""
    folder = tmp_path_factory.mktemp("web") / "filled"
    with closing(fill(folder)) as workspace:
        people = {email(person.name): stable_id(person.name) for person in PEOPLE}
        with workspace.store.write() as connection:
            digests = {workspace.pseudonyms.digest("argilla", name): it for name, it in people.items()}
            save_identities(connection, digests, utc_now())
            admit(connection, people.values(), "argilla", MemberStatus.INVITED, utc_now())
            tasks = [task for task in all_tasks(connection).values() if task.platform == "argilla"]
            places = [PlacedTask(task.id, _uuid(task.id), _uuid(task.kind)) for task in tasks]
            save_placements(connection, places, utc_now())
            for (answer,) in connection.execute(sa.select(annotation_revision.c.response_id)).all():
                theirs = sa.update(annotation_revision).where(annotation_revision.c.response_id == answer)
                connection.execute(theirs.values(response_id=_uuid(answer)))
        workspace.pseudonyms.look_again()
        logs = folder.parent / "logs.jsonl"
        logs.write_text(
            "".join(json.dumps(_log(name, n)) + "\n" for name in people for n in range(3)), "utf-8"
        )
        steps.ingest_file(workspace, logs)
    configuration = folder / "chatfeedback.yaml"
    text = configuration.read_text(encoding="utf-8").replace("url: managed", f"url: '{ARGILLA}'")
    configuration.write_text(text, encoding="utf-8")
    return folder


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def _log(giver: str, number: int) -> dict[str, object]:
    asked = f"{HOSTILE} question {number} of {giver.partition('@')[0]}"
    return {
        "conversation_id": f"{giver.partition('@')[0]}/{number}?&",
        "conversation": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": f"answer {number} {HOSTILE}"},
        ],
        "model_name": f"model {HOSTILE}",
        "user_id": giver,
        "timestamp": utc_now().isoformat(),
        "source": "https://chat.example.org",
        "user_metadata": {},
        "conversation_metadata": {},
    }


@pytest.fixture
def filled_workspace(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace of one's own with people, tasks, answers and points."""
    monkeypatch.setenv("ARGILLA_API_KEY", "no key of any server")
    with Workspace.open(shutil.copytree(filled, tmp_path / "workspace")) as opened:
        yield opened


@pytest.fixture
def browser(filled_workspace: Workspace) -> Iterator[Browser]:
    """Opens browsers at the page of that workspace."""
    with closing(Browser(filled_workspace, application(filled_workspace))) as made:
        yield made


@pytest.fixture
def ada() -> str:
    """The pseudonym of one of the people."""
    return stable_id(PEOPLE[0].name)


@pytest.fixture
def bo() -> str:
    """The pseudonym of another one."""
    return stable_id(PEOPLE[1].name)


def email(name: str) -> str:
    """Return the address of one of the demo's people."""
    return f"{name.lower()}@example.org"
