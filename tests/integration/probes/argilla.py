"""Argilla, asked directly."""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING

from workspaces.platforms.argilla.form import fields_of, given
from workspaces.platforms.argilla.session import answer, sign_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest
    from pydantic import JsonValue, SecretStr

    from tests.shared_servers import TestServer
    from workspaces.forms import Form, TaskContent


def task_with_answers(server: TestServer, remote_id: str) -> str:
    """Return everything that an administrator can read of a task, as JSON."""
    with closing(sign_in(server.url, server.admin_email, server.admin_password)) as client:
        return client.get(f"/api/v1/records/{remote_id}").raise_for_status().text


def save_draft(
    server: TestServer, email: str, password: SecretStr, remote_id: str, form: Form, values: Mapping[str, str]
) -> None:
    """Save a person's answer without submitting it."""
    with closing(sign_in(server.url, email, password)) as client:
        answer(client, remote_id, given(form, values), status="draft")


def discard(
    server: TestServer, email: str, password: SecretStr, remote_id: str, form: Form, values: Mapping[str, str]
) -> None:
    """Pass a task by, with what was chosen until then."""
    with closing(sign_in(server.url, email, password)) as client:
        answer(client, remote_id, given(form, values), status="discarded")


def takes_a_ranking(server: TestServer) -> bool:
    """Make a form with a control that ranks; return whether the server takes it."""
    name = f"ranking-{secrets.token_hex(4)}"
    options = [{"value": option, "text": option} for option in ("a", "b")]
    with closing(sign_in(server.url, server.admin_email, server.admin_password)) as client:
        workspace = client.post("/api/v1/workspaces", json={"name": name}).raise_for_status().json()
        dataset = client.post("/api/v1/datasets", json={"name": name, "workspace_id": workspace["id"]})
        return client.post(
            f"/api/v1/datasets/{dataset.raise_for_status().json()['id']}/questions",
            json={
                "name": "order",
                "title": "Order",
                "required": True,
                "settings": {"type": "ranking", "options": options},
            },
        ).is_success


def spoil(monkeypatch: pytest.MonkeyPatch, task_id: str) -> None:
    """Let one task be sent as the server does not take it: its chat is a text."""

    def spoilt(form: Form, task: TaskContent) -> dict[str, JsonValue]:
        fields = fields_of(form, task)
        return dict.fromkeys(fields, "Paris") if task.task_id == task_id else fields

    monkeypatch.setattr("workspaces.platforms.argilla.platform.fields_of", spoilt)
