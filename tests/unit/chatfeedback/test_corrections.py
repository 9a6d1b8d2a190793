"""An LLM is shown responses on which people disagreed with it: recorded, redrawn never, and gone with a deletion."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chatfeedback import steps
from chatfeedback.report import write_report
from task_generators.seed_feedback.prompt import PROMPT_VERSION, SYSTEM
from tests.openai_endpoint import KEY, marked, ok, ratings, serving
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
    """Return the response that each request wants rated, with its corrections: the response, and what people said."""
    found = []
    for request in requests:
        (response,) = marked(request).values()
        _, _, corrections = request["messages"][0]["content"].partition("\nmarker: ")
        marker = corrections.partition("\n")[0]
        shown = re.findall(rf"{marker} assistant\n(.*)\n{marker} people (.*)\n", corrections)
        found.append(
            {"response": response, "corrections": [(said, json.loads(people)) for said, people in shown]}
        )
    return found


def configured(workspace: Workspace, url: str, corrections: int) -> None:
    raw = workspace.config.model_dump(exclude_unset=True)
    llm = {
        "base_url": url,
        "model": "judge",
        "api_key_env": "A_KEY",
        "corrections": corrections,
        "canaries": 0.0,
    }
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
    with serving(lambda it: ok(ratings(it, JUDGED))) as endpoint:
        configured(workspace, endpoint.url, corrections=3)
        assert steps.seed_responses(workspace).rated == len(NAMES)
        assert all(not it["corrections"] for it in asked(endpoint.requests)), "nobody has disagreed yet"
        people_disagree(workspace)
        endpoint.requests.clear()
        assert steps.seed_responses(workspace).rated == len(NAMES), "another prompt is another judge"
        shown = [it for it in asked(endpoint.requests) if it["corrections"]]
        assert len(shown) == len(NAMES)
        examples = {said for it in shown for said, _ in it["corrections"]}
        assert len(examples) == 3
        taught = {f"answer of {name}" for name in NAMES if is_set_apart(f"{name}#1")}
        assert examples <= taught
        for it in shown:
            assert it["response"] not in [said for said, _ in it["corrections"]]
            assert all(people["helpful"] == "no" for _, people in it["corrections"])
        with workspace.store.read() as connection:
            (prompt,) = judge_prompts(connection)
            versions = {seed.prompt_version for seed in all_seeds(connection)}
        assert versions == {PROMPT_VERSION, prompt.prompt_version}
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
            f"judge, prompt {PROMPT_VERSION}",
            f"judge, prompt {prompt.prompt_version}",
        }
        gone = min(examples).removeprefix("answer of ")
        steps.delete_conversations(workspace, [gone], by="giver")
        steps.seed_responses(workspace)
        left = [it for it in asked(endpoint.requests) if it["corrections"]]
        assert left
        assert gone not in {said.removeprefix("answer of ") for it in left for said, _ in it["corrections"]}


def test_without_corrections_the_prompt_is_the_one_of_before(workspace: Workspace) -> None:
    workspace.collection.append([chat("c0", "question", "answer")], now=NOW, delay=timedelta(0))
    with serving(lambda it: ok(ratings(it, JUDGED))) as endpoint:
        configured(workspace, endpoint.url, corrections=0)
        steps.seed_responses(workspace)
        (request,) = endpoint.requests
    assert request["messages"][0]["content"] == SYSTEM
