"""The gateway, asked by the official client: what it answers, costs, refuses and keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
import pytest

from reward_engine.accounts import person_account
from reward_engine.ledger import balance
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with chat_workspace(tmp_path_factory.mktemp("gateway") / "w") as opened:
        yield opened


@pytest.fixture(scope="module")
def address(workspace: Workspace) -> Iterator[str]:
    with running(workspace) as at:
        yield at


def client(address: str, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)


def points_of(workspace: Workspace, person_id: str) -> int:
    with workspace.store.read() as connection:
        return balance(connection, person_account(person_id))


def test_the_official_client_streams_an_answer_and_pays_for_it(workspace: Workspace, address: str) -> None:
    ada = person_with(workspace, "ada", 10)
    with client(address, key_of(workspace, ada)) as asking:
        events = asking.chat.completions.create(
            model="dynamic", messages=[{"role": "user", "content": "Hello there"}], stream=True
        )
        text = "".join(event.choices[0].delta.content or "" for event in events)
    assert "stand-in" in text
    assert "Hello there" in text
    assert points_of(workspace, ada) == 8
