"""Programs that people have, against the gateway: the official client with tools, ``curl`` and ``llm``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import openai
import pytest

from chatfeedback import steps
from reward_engine.accounts import person_account
from reward_engine.ledger import balance
from tests.llm_client import llm_command
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with, running
from tests.unit.chatfeedback.web.faulty_upstream import FaultyUpstream, upstream_at
from workspaces.store.conversations import given_by

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from workspaces.workspace import Workspace

TOOL: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = (
    {"id": "call_1", "function": {"name": "weather", "arguments": '{"city"'}},
    {"function": {"arguments": ': "Bonn"}'}},
)


class Tooled(FaultyUpstream):
    """Calls the tool that it is offered, and otherwise says words."""

    async def _parts(self, fault: str) -> AsyncIterator[bytes]:
        if not self.asked[-1].get("tools"):
            async for part in super()._parts(fault):
                yield part
            return
        for piece in CALL:
            delta = {"tool_calls": [{"index": 0, "type": "function", **piece}]}
            yield b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
        yield b"data: " + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n"


@pytest.fixture(scope="module")
def upstream() -> FaultyUpstream:
    return Tooled(words=60)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, upstream: FaultyUpstream) -> Iterator[Workspace]:
    with upstream_at(upstream) as base_url:
        chat = {"models": [{"model": "m", "base_url": base_url}]}
        with chat_workspace(tmp_path_factory.mktemp("clients") / "w", chat=chat) as opened:
            yield opened


@pytest.fixture(scope="module")
def address(workspace: Workspace) -> Iterator[str]:
    with running(workspace) as at:
        yield at


def points_of(workspace: Workspace, person_id: str) -> int:
    with workspace.store.read() as connection:
        return balance(connection, person_account(person_id))


def test_the_official_client_calls_tools_and_goes_on(
    workspace: Workspace, address: str, upstream: FaultyUpstream
) -> None:
    ada = person_with(workspace, "ada", 20)
    turns: list[Any] = [{"role": "user", "content": "How is the weather in Bonn?"}]
    with openai.OpenAI(base_url=f"{address}/v1", api_key=key_of(workspace, ada), max_retries=0) as asking:
        events = asking.chat.completions.create(
            model="dynamic", messages=turns, tools=[TOOL], tool_choice="auto", stream=True
        )
        calls = [call for event in events for call in event.choices[0].delta.tool_calls or ()]
        arguments = "".join(call.function.arguments or "" for call in calls if call.function)
        assert json.loads(arguments) == {"city": "Bonn"}
        assert upstream.asked[-1]["tools"] == [TOOL]
        function = {"name": "weather", "arguments": arguments}
        turns.append(
            {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
        )
        turns.append({"role": "tool", "tool_call_id": "call_1", "content": "rain"})
        whole = asking.chat.completions.create(model="m", messages=turns)
        assert str(whole.choices[0].message.content).startswith("word0 word1")
    assert points_of(workspace, ada) == 20 - 2 - 4
    assert steps.collect_chats(workspace).outcomes == {"collected": 2}
    with workspace.store.read() as connection:
        (entry,) = given_by(connection, ada)
    messages = workspace.collection.read({entry.conversation_id})[entry.conversation_id].messages
    assert [message.role.value for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1].tool_calls[0].arguments == arguments


@pytest.mark.parametrize("stream", [True, False])
def test_curl(workspace: Workspace, address: str, stream: bool) -> None:
    if (curl := shutil.which("curl")) is None:
        pytest.skip("no curl: apt-get install curl")
    bo = person_with(workspace, f"bo {stream}", 2)
    body = {"model": "dynamic", "messages": [{"role": "user", "content": f"Hi {stream}"}], "stream": stream}
    command = [curl, "-sSN", "-i", f"{address}/v1/chat/completions", "-d", json.dumps(body)]
    command += [
        "-H",
        f"Authorization: Bearer {key_of(workspace, bo)}",
        "-H",
        "Content-Type: application/json",
    ]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    head, _, text = said.partition("\n\n")
    assert head.splitlines()[0].split()[1] == "200"
    assert "x-chatfeedback-model: m" in head.lower()
    if stream:
        assert text.count("data: {") == 61
        assert text.rstrip().endswith("data: [DONE]")
    else:
        assert json.loads(text)["choices"][0]["message"]["content"].endswith("word59")
    assert points_of(workspace, bo) == 0
    poor = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    assert poor.splitlines()[0].split()[1] == "402"


def test_llm(workspace: Workspace, address: str, tmp_path: Path) -> None:
    try:
        llm = llm_command()
    except subprocess.CalledProcessError:
        pytest.skip("llm cannot be installed from PyPI here")
    cy = person_with(workspace, "cy", 4)
    model = {"model_id": "cf", "model_name": "dynamic", "api_base": f"{address}/v1", "api_key_name": "cf"}
    (tmp_path / "extra-openai-models.yaml").write_text(json.dumps([model]), encoding="utf-8")
    (tmp_path / "keys.json").write_text(json.dumps({"cf": key_of(workspace, cy)}), encoding="utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LLM_USER_PATH": str(tmp_path)}
        return subprocess.run(
            [llm, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
            input="",
        )

    words = " ".join(f"word{number}" for number in range(60))
    assert run("-m", "cf", "Hello").stdout.strip() == words
    done = run("-c", "--no-stream", "And then?")
    assert done.stdout.strip() == words, done.stderr
    assert points_of(workspace, cy) == 0
    steps.collect_chats(workspace)
    with workspace.store.read() as connection:
        assert len(given_by(connection, cy)) == 1  # it went on
