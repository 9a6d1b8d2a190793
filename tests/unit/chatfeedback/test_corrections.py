"""An LLM is shown responses on which people disagreed with it: recorded, redrawn never, and gone with a deletion."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chatfeedback import steps
from chatfeedback.report import write_report
from tests.openai_endpoint import KEY, ok, serving
from tests.sample_records import ALL_TAGS, NOW, chat, task
from tests.unit.chatfeedback.test_own_answers import revision
from workspaces.config import Config
from workspaces.store.annotations import save_revisions
from workspaces.store.judge_prompts import is_set_apart, item_hash, judge_prompts
from workspaces.store.seed_feedback import all_seeds
from workspaces.store.tasks import save_tasks

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

NAMES = [f"c{number}" for number in range(40)]
JUDGED = {**ALL_TAGS, "significance": "medium"}


def asked(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the material of each request."""
    return [json.loads(request["messages"][1]["content"]) for request in requests]


def configured(workspace: Workspace, url: str, corrections: int) -> None:
    raw = workspace.config.model_dump(exclude_unset=True)
    llm = {"base_url": url, "model": "judge", "api_key_env": "A_KEY", "corrections": corrections}
    workspace.config = Config.model_validate(raw | {"llm": llm})


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)


def people_disagree(workspace: Workspace) -> None:
    """Two people say of every response that it is not helpful; the judge says that it is."""
    tasks = [
        replace(task(f"t-{name}", {}), message_ids=(f"{name}#1",), conversation_ids=(name,)) for name in NAMES
    ]
    said = ALL_TAGS | {"helpful": "no"}
    with workspace.store.write() as connection:
        save_tasks(connection, tasks)
        save_revisions(connection, [revision(it.id, who, said) for it in tasks for who in ("ada", "bo")])


def test_corrections_are_drawn_once_from_what_tests_no_judge_and_go_with_their_conversation(
    workspace: Workspace,
) -> None:
    logs = [chat(name, f"question of {name}", f"answer of {name}") for name in NAMES]
    workspace.collection.append(logs, now=NOW, delay=timedelta(0))
    with serving(lambda _: ok(json.dumps(JUDGED))) as endpoint:
        configured(workspace, endpoint.url, corrections=3)
        assert steps.seed_responses(workspace).rated == len(NAMES)
        assert all("corrections" not in it for it in asked(endpoint.requests)), "nobody has disagreed yet"
        people_disagree(workspace)
        endpoint.requests.clear()
        assert steps.seed_responses(workspace).rated == len(NAMES), "another prompt is another judge"
        shown = [it for it in asked(endpoint.requests) if "corrections" in it]
        assert len(shown) == len(NAMES)
        examples = {each["response"] for it in shown for each in it["corrections"]}
        assert len(examples) == 3
        taught = {f"answer of {name}" for name in NAMES if is_set_apart(f"{name}#1")}
        assert examples <= taught
        for it in shown:
            assert it["response"] not in [each["response"] for each in it["corrections"]]
            assert all(each["people"]["helpful"] == "no" for each in it["corrections"])
        with workspace.store.read() as connection:
            (prompt,) = judge_prompts(connection)
            versions = {seed.prompt_version for seed in all_seeds(connection)}
        assert versions == {"1", prompt.prompt_version}
        hashes = {it.item for it in prompt.corrections}
        assert hashes == {item_hash(f"{text.removeprefix('answer of ')}#1") for text in examples}
        assert not [name for name in NAMES if f"{name}#1" in hashes]
        endpoint.requests.clear()
        assert steps.seed_responses(workspace).rated == 0, "what was drawn stays"
        assert endpoint.requests == []
        tables = write_report(workspace).written.tables
        compared = tables["judge_calibration"].groupby(["judge", "question"])["n_items"].sum()
        assert set(compared) == {len(NAMES) - len(taught)}
        assert set(tables["judge_rates"]["judge"]) == {
            "judge, prompt 1",
            f"judge, prompt {prompt.prompt_version}",
        }
        gone = min(examples).removeprefix("answer of ")
        steps.delete_conversations(workspace, [gone], by="giver")
        steps.seed_responses(workspace)
        left = [it for it in asked(endpoint.requests) if "corrections" in it]
        assert left
        assert gone not in {
            each["response"].removeprefix("answer of ") for it in left for each in it["corrections"]
        }


def test_without_corrections_the_prompt_is_the_one_of_before(workspace: Workspace) -> None:
    workspace.collection.append([chat("c0", "question", "answer")], now=NOW, delay=timedelta(0))
    with serving(lambda _: ok(json.dumps(JUDGED))) as endpoint:
        configured(workspace, endpoint.url, corrections=0)
        steps.seed_responses(workspace)
        (request,) = endpoint.requests
    assert json.loads(request["messages"][1]["content"]).keys() == {"conversation", "response"}
    assert "corrections" not in request["messages"][0]["content"]
