"""Label Studio, asked directly."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from workspaces.platforms.label_studio.form import TASK_ID_KEY, result_of, task_data
from workspaces.platforms.label_studio.session import sign_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest
    from pydantic import JsonValue, SecretStr

    from tests.shared_servers import TestServer
    from workspaces.forms import Form, TaskContent

RANKING = '<View><List name="items" value="$items"/><Ranker name="order" toName="items"/></View>'


def task_with_answers(server: TestServer, remote_id: str) -> str:
    """Return everything that an administrator can read of a task, as JSON."""
    with sign_in(server.url, server.admin_email, server.admin_password) as client:
        return client.get(f"/api/tasks/{remote_id}/").raise_for_status().text


def save_draft(
    server: TestServer, email: str, password: SecretStr, remote_id: str, form: Form, values: Mapping[str, str]
) -> None:
    """Save a person's answer without submitting it."""
    with sign_in(server.url, email, password) as client:
        draft = {"result": result_of(form, values), "lead_time": 1.0}
        client.post(f"/api/tasks/{remote_id}/drafts", json=draft).raise_for_status()


def discard(
    server: TestServer, email: str, password: SecretStr, remote_id: str, form: Form, values: Mapping[str, str]
) -> None:
    """Pass a task by, with what was chosen until then."""
    with sign_in(server.url, email, password) as client:
        skipped = {"result": result_of(form, values), "lead_time": 1.0, "was_cancelled": True}
        client.post(f"/api/tasks/{remote_id}/annotations/", json=skipped).raise_for_status()


def takes_a_ranking(server: TestServer) -> bool:
    """Make a form with a control that ranks; return whether the server takes it."""
    title = f"ranking-{secrets.token_hex(4)}"
    with sign_in(server.url, server.admin_email, server.admin_password) as client:
        return client.post("/api/projects/", json={"title": title, "label_config": RANKING}).is_success


def spoil(monkeypatch: pytest.MonkeyPatch, task_id: str) -> None:
    """Let one task be sent as the server does not take it: what its form shows are numbers."""

    def spoilt(form: Form, task: TaskContent) -> dict[str, JsonValue]:
        data = task_data(form, task)
        if task.task_id != task_id:
            return data
        return {name: value if name == TASK_ID_KEY else ["Paris"] for name, value in data.items()}

    monkeypatch.setattr("workspaces.platforms.label_studio.tasks.task_data", spoilt)
