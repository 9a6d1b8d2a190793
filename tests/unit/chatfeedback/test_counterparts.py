"""Counterparts: asked for over HTTP where a response was rated low, compared by people, exported, erased."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps.counterparts import place_received
from task_generators.chat_logs.batches import Batch
from task_generators.chat_logs.curation import tag
from tests.openai_endpoint import KEY, Endpoint, Reply, ok, ratings, refusal, serving
from tests.sample_records import ALL_TAGS, NOW, chat
from tests.unit.chatfeedback.test_push import MemoryPlatform, platform
from tests.unit.chatfeedback.test_rewrites import ANN, BOB, CAT, Office
from workspaces.collection.files import to_batch
from workspaces.config import Config
from workspaces.errors import ConfigurationError, ConnectionFailedError
from workspaces.kinds import kind_of
from workspaces.records import Attachment, Message, Role, SharingState
from workspaces.store.conversations import set_state
from workspaces.store.counterparts import count_counterparts, counterpart
from workspaces.store.requests import RequestState
from workspaces.store.seed_feedback import all_seeds
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workspaces.collection import Appended
    from workspaces.records import Conversation

__all__ = ["platform"]

USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
GOOD = {**ALL_TAGS, "significance": "medium"}
LOW = {**GOOD, "helpful": "no"}


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)


def is_seed(request: dict[str, Any]) -> bool:
    return bool(request["model"] == "judge")


def written(request: dict[str, Any]) -> str:
    """Return what the generating model writes: an answer that names what it answers."""
    return f"{request['model']} answers: {request['messages'][-1]['content']}"


def usual(request: dict[str, Any]) -> Reply:
    if is_seed(request):
        return ok(ratings(request, lambda text: LOW if "bad" in text else GOOD), USED)
    return ok(written(request), USED)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(usual) as made:
        yield made


def configure(workspace: Workspace, url: str, **changes: Any) -> None:
    raw = workspace.config.model_dump(exclude_unset=True)
    llm = {"base_url": url, "model": "judge", "api_key_env": "A_KEY", "canaries": 0.0, "models": ["writer-1"]}
    workspace.config = Config.model_validate(
        raw
        | {
            "platforms": {"argilla": {"url": "http://localhost:1"}},
            "llm": llm | changes,
            "mix": {"kinds": {"preference": 1}, "overlap": 3},
        }
    )


def fill(workspace: Workspace, number: int = 4, text: str = "A bad answer") -> None:
    logs = [
        chat(f"c{i}", f"What is {i} plus {i}?", f"{text} of c{i}.", "Thanks!", f"You are welcome, c{i}.")
        for i in range(number)
    ]
    keep(workspace, logs)


def keep(workspace: Workspace, logs: Sequence[Conversation]) -> Appended:
    """Append logs as ingest does, with languages and flags."""
    table = pa.Table.from_batches([tag(Batch(to_batch(logs))).rows])
    appended = workspace.collection.append_table(table, now=NOW, delay=timedelta(0))
    workspace.collection.share_due(NOW)
    return appended


def states(workspace: Workspace) -> dict[RequestState, int]:
    with workspace.store.read() as connection:
        return count_counterparts(connection)


def generated(workspace: Workspace) -> dict[str, list[Message]]:
    return {
        conversation.id: made
        for conversation in workspace.collection.scan()
        if (made := [message for message in conversation.messages if message.generated])
    }


def asked(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [request for request in endpoint.requests if not is_seed(request)]


def command(workspace: Workspace, *arguments: str) -> Any:
    (workspace.path / CONFIG_NAME).write_text(
        json.dumps(json.loads(workspace.config.model_dump_json(exclude_unset=True)))
    )
    return CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.path)])


def test_the_life_of_a_counterpart(
    workspace: Workspace, endpoint: Endpoint, platform: MemoryPlatform, tmp_path: Path
) -> None:
    fill(workspace)
    keep(workspace, [chat("good", "What is one plus one?", "It is two.")])
    configure(workspace, endpoint.url, input_price=1.0, output_price=10.0)
    before = steps.count_collection(workspace)
    log = {conversation.id: conversation for conversation in workspace.collection.scan()}

    steps.seed_responses(workspace)
    planned = steps.generate_counterparts(workspace, dry_run=True)
    assert (planned.low, planned.models[0].planned, asked(endpoint), states(workspace)) == (4, 4, [], {})
    assert planned.models[0].planned_micros is not None
    made = steps.generate_counterparts(workspace)
    (run,) = made.models
    assert (run.made, run.failed, made.placed, states(workspace)) == (4, 0, 4, {RequestState.DONE: 4})
    assert run.cost_micros == 4 * (1000 + 100 * 10) <= planned.models[0].planned_micros
    sent = [request["messages"] for request in asked(endpoint)]
    assert sorted(sent, key=str) == [
        [{"role": "user", "content": f"What is {number} plus {number}?"}] for number in range(4)
    ]
    assert {request["temperature"] for request in asked(endpoint)} == {0.7}

    # it stands beside the response that was rated low, is told apart, and changes nothing of the log
    beside = generated(workspace)
    assert set(beside) == {"c0", "c1", "c2", "c3"}
    (message,) = beside["c1"]
    assert (message.parent_id, message.model_name) == ("c1#0", "writer-1")
    assert message.content == "writer-1 answers: What is 1 plus 1?"
    assert message.generated is not None
    assert message.generated.licence == "generated"
    assert json.loads(message.generated.parameters) == {
        "temperature": 0.7, "max_tokens": 1000, "prompt_version": "plain-1",
    }  # fmt: skip
    after = steps.count_collection(workspace)
    assert after.generated == {"writer-1": 4}
    same = ("conversations", "turns", "words", "models", "languages", "states", "near_duplicates")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    for conversation in workspace.collection.scan():
        assert conversation.logged() == log[conversation.id].messages
    with workspace.store.read() as connection:
        assert list(connection.execute(sa.select(counterpart.c.response)).scalars()) == [None] * 4

    # a second run asks for nothing, and the log read again is no other log
    again = steps.generate_counterparts(workspace)
    assert (again.models[0].made, again.placed, len(asked(endpoint))) == (0, 0, 4)
    assert keep(workspace, list(log.values())).duplicates == 5

    # people compare the two
    steps.seed_responses(workspace)
    created = steps.generate_tasks(workspace)
    assert created.by_kind == {"preference": 4}
    pushed = steps.push_tasks(workspace)
    assert len(platform.contents) == 4, pushed
    office = Office(workspace)
    for task in office.tasks("preference"):
        name = next(iter(set(task.conversation_ids)))
        assert set(task.message_ids) == {f"{name}#1", beside[name][0].id}
        comparison = kind_of(task.kind).comparison
        assert comparison is not None
        for person in (ANN, BOB, CAT):
            winner = task.message_ids.index(beside[name][0].id)
            office.answer(person, task, {comparison.name: comparison.answer_for(winner)})
    rows = office.pairs(tmp_path / "dpo")
    assert len(rows) == 4
    for row in rows:
        assert (row["chosen_origin"], row["rejected_origin"]) == ("generated", "model")
        assert row["licences"] == ["generated", "unknown"]
        assert (row["chosen_models"], row["rejected_models"]) == (["writer-1"], ["model-x"])

    # whoever deletes their conversation deletes what was generated for it
    steps.delete_conversations(workspace, ["c1"], by="lead")
    assert set(generated(workspace)) == {"c0", "c2", "c3"}
    for file in (workspace.path / "collection").glob("*.parquet"):
        assert b"1 plus 1" not in file.read_bytes()
    with workspace.store.read() as connection:
        kept = set(connection.execute(sa.select(counterpart.c.conversation_id)).scalars())
        assert kept == {"c0", "c2", "c3"}
        assert message.id not in {seed.message_id for seed in all_seeds(connection)}


def test_a_model_rates_its_own_response_and_is_no_judge(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 3)
    configure(workspace, endpoint.url, counterparts={"self_rated": True})
    steps.seed_responses(workspace)
    turn = Counter[str]()

    def answer(request: dict[str, Any]) -> Reply:
        if is_seed(request):
            return usual(request)
        marker = request["messages"][0]["content"].partition("<response ")[2].partition(">")[0]
        prompt = request["messages"][1]["content"]
        turn[prompt] += 1
        if turn[prompt] == 1 and "0 plus" in prompt:
            return ok("no form at all", USED)  # mended when it is asked for
        if "1 plus" in prompt:
            return ok("never in form", USED)
        return ok(f"<response {marker}>\nMine to {prompt}\n</response {marker}>\n{json.dumps(LOW)}", USED)

    endpoint.respond = answer
    made = steps.generate_counterparts(workspace)
    assert (made.models[0].made, made.models[0].failed, made.placed) == (2, 1, 2)
    assert turn == {"What is 0 plus 0?": 2, "What is 1 plus 1?": 2, "What is 2 plus 2?": 1}
    (message,) = generated(workspace)["c0"]
    assert message.content == "Mine to What is 0 plus 0?"
    with workspace.store.read() as connection:
        (own,) = (seed for seed in all_seeds(connection) if seed.message_id == message.id)
    assert (own.agent, own.prompt_version) == ("self-rated:writer-1", "self-1")
    assert own.tags["helpful"] == "no"  # type: ignore[index]
    assert steps.generate_tasks(workspace).by_kind == {"preference": 2}, "its own seed is enough for a task"
    assert steps.generate_counterparts(workspace).low == 3, "a response that rates itself low gets none"
    shown = command(workspace, "counterparts", "--failed")
    assert "never in form" in shown.output
    assert "1 request failed" in shown.output
    endpoint.respond = usual
    configure(workspace, endpoint.url)
    assert steps.seed_responses(workspace).rated == 2, "a judge rates it, too"


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (ok(""), RequestState.UNUSABLE),
        (refusal(400), RequestState.REFUSED),
        (refusal(500), RequestState.UNANSWERED),
        (
            (
                200,
                {},
                json.dumps({"choices": [{"finish_reason": "length", "message": {"content": "half a"}}]}),
            ),
            RequestState.UNUSABLE,
        ),
    ],
)
def test_what_brings_no_response_is_a_stored_state(
    workspace: Workspace, endpoint: Endpoint, fault: Reply, state: RequestState
) -> None:
    """Also where it is the first reply of all, and others are under way that are answered later."""
    fill(workspace, 6)
    configure(workspace, endpoint.url, max_attempts=1)
    steps.seed_responses(workspace)

    def answer(request: dict[str, Any]) -> Reply:
        if not is_seed(request) and "3 plus" in request["messages"][0]["content"]:
            return fault
        time.sleep(0.1)
        return usual(request)

    endpoint.respond = answer
    made = steps.generate_counterparts(workspace)
    assert states(workspace) == {RequestState.DONE: 5, state: 1}
    assert (made.models[0].made, made.failed + made.models[0].unanswered) == (5, 1)
    assert "c3" not in generated(workspace)
    endpoint.respond = usual
    steps.generate_counterparts(workspace)
    if state is not RequestState.UNANSWERED:
        assert "c3" not in generated(workspace), "it was asked again, and nobody wanted that"
        steps.generate_counterparts(workspace, retry=True)
    assert len(generated(workspace)) == 6
    assert states(workspace) == {RequestState.DONE: 6}


RUN = """
import sys
from pathlib import Path
from chatfeedback import steps
from workspaces.workspace import Workspace
with Workspace.open(Path(sys.argv[1])) as workspace:
    steps.generate_counterparts(workspace)
"""


def test_a_killed_run_loses_at_most_what_was_in_flight(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 60)
    configure(workspace, endpoint.url, concurrency=4)
    steps.seed_responses(workspace)
    served: list[str] = []

    def slow(request: dict[str, Any]) -> Reply:
        time.sleep(0.05)
        with endpoint.lock:
            served.append(request["messages"][0]["content"])
        return ok(written(request), USED)

    endpoint.respond = slow
    command(workspace, "counterparts", "--dry-run")  # writes the configuration
    with subprocess.Popen([sys.executable, "-c", RUN, str(workspace.path)]) as process:
        while len(served) < 20 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    sent = len(served)
    reached = states(workspace)
    assert 0 < reached.get(RequestState.RECEIVED, 0) < 60
    assert sent - reached[RequestState.RECEIVED] <= 2 * 4 + 4
    made = steps.generate_counterparts(workspace)
    assert made.placed == 60
    assert states(workspace) == {RequestState.DONE: 60}
    assert {len(each) for each in generated(workspace).values()} == {1}
    assert max(Counter(served).values()) <= 2
    assert sum(count - 1 for count in Counter(served).values()) <= 2 * 4 + 4


def test_a_run_killed_before_the_collection_knows_places_each_response_once(
    workspace: Workspace, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace, 3)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)

    class KilledError(Exception):
        pass

    def killed(*_: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr("workspaces.collection.siblings.move_conversations", killed)
        with pytest.raises(KilledError):
            steps.generate_counterparts(workspace)
    assert states(workspace) == {RequestState.RECEIVED: 3}
    assert generated(workspace) == {}
    assert steps.generate_counterparts(workspace).placed == 3
    assert place_received(workspace) == 0
    assert len(asked(endpoint)) == 3
    assert {len(each) for each in generated(workspace).values()} == {1}


def test_a_conversation_kept_private_meanwhile_gets_nothing(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 2)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    original = endpoint.respond

    def answer(request: dict[str, Any]) -> Reply:
        with workspace.store.write() as connection:  # as another command would do after this run
            set_state(connection, ["c0"], SharingState.PRIVATE, NOW)
        return original(request)

    endpoint.respond = answer
    assert steps.generate_counterparts(workspace).placed == 1
    assert states(workspace) == {RequestState.DONE: 1, RequestState.RECEIVED: 1}
    with workspace.store.write() as connection:
        set_state(connection, ["c0"], SharingState.SHARED, NOW)
    endpoint.respond = original
    assert steps.generate_counterparts(workspace).placed == 1
    assert len(asked(endpoint)) == 2


def test_the_budget_of_seed_feedback_is_that_of_counterparts_too(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 10)
    prices = {"input_price": 10.0, "output_price": 10.0}
    configure(workspace, endpoint.url, **prices)
    steps.seed_responses(workspace)  # 10 requests of 1,100 tokens: .11
    configure(
        workspace, endpoint.url, **prices, concurrency=1, budget=0.15,
        models=[{"model": "writer-1", "max_tokens": 500}],
    )  # fmt: skip
    few = {"prompt_tokens": 10, "completion_tokens": 500, "total_tokens": 510}
    endpoint.respond = lambda request: ok(written(request), few)
    made = steps.generate_counterparts(workspace)
    assert 0 < made.models[0].made < 10
    assert made.models[0].made + made.models[0].left == 10
    assert made.money_left_micros is not None
    assert made.money_left_micros >= 0
    assert made.models[0].cost_micros + made.money_left_micros == 40_000
    said = command(workspace, "counterparts")
    assert "Raise llm.budget" in " ".join(said.output.split())


def test_what_is_generated_outlives_compaction_redaction_and_growth(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 3)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    steps.generate_counterparts(workspace)
    made = generated(workspace)
    with workspace.exclusive():
        assert workspace.collection.compact().after == 1
    assert generated(workspace) == made
    raw = workspace.config.model_dump(exclude_unset=True)
    workspace.config = Config.model_validate(raw | {"privacy": {"deny_names": ["What"]}})
    assert len(steps.redact_collection(workspace).conversations) == 3
    (message,) = generated(workspace)["c1"]
    assert message.content == "writer-1 answers: [NAME_1] is 1 plus 1?"
    assert message.generated == made["c1"][0].generated
    again = steps.generate_counterparts(workspace)
    assert (again.low, again.models[0].made) == (3, 0), (
        "the turn has one by this model, whatever its text is now"
    )
    workspace.config = Config.model_validate(raw)
    more = chat(
        "c1", "[NAME_1] is 1 plus 1?", "A bad answer of c1.", "Thanks!", "You are welcome, c1.", "Bye."
    )
    assert keep(workspace, [more]).grown == 1
    assert generated(workspace)["c1"] == [message]


def test_a_flagged_response_is_shown_by_no_task_and_its_log_is_judged_all_the_same(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 2)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    endpoint.respond = lambda request: (
        usual(request) if is_seed(request) else ok("As Claude, I would rather not say more than that.", USED)
    )
    steps.generate_counterparts(workspace)
    steps.seed_responses(workspace)
    raw = workspace.config.model_dump(exclude_unset=True)
    kinds = {"kinds": {"preference": 1, "conversation_rating": 1, "response_rating": 1}, "overlap": 3}
    workspace.config = Config.model_validate(
        raw | {"mix": kinds, "select": {"skip_flags": ["identity_leak"]}}
    )
    assert steps.generate_tasks(workspace).by_kind == {"conversation_rating": 2, "response_rating": 2}


def test_personal_data_in_a_response_is_replaced_as_in_its_conversation(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 1)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    endpoint.respond = lambda _: ok("Ask ada@example.org, not bob@example.org.", USED)
    steps.generate_counterparts(workspace)
    assert generated(workspace)["c0"][0].content == "Ask [EMAIL_1], not [EMAIL_2]."
    configure(workspace, endpoint.url, models=["writer-2"])
    endpoint.respond = lambda _: (
        200, {}, json.dumps({"choices": [{"finish_reason": "length", "message": {"content": "ada@example.org"}}]}),
    )  # fmt: skip
    steps.generate_counterparts(workspace)
    with workspace.store.read() as connection:
        assert "ada@" not in str(connection.execute(sa.select(counterpart)).all())


def test_what_cannot_be_sent_whole_is_counted_and_not_sent(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 1)
    attached = chat("a", "Look at this.", "A bad answer.")
    first = attached.messages[0]
    with_image = Message(
        first.id, None, Role.USER, first.content, attachments=(Attachment("image", "x.png"),)
    )
    long = chat("l", "word " * 6_000, "A bad answer.")
    logs: list[Conversation] = [
        type(attached)("a", (with_image, attached.messages[1]), "test logs", "model-x"),
        long,
    ]
    keep(workspace, logs)
    configure(workspace, endpoint.url)
    raw = workspace.config.model_dump(exclude_unset=True)
    workspace.config = Config.model_validate(raw | {"select": {"skip_flags": []}})
    steps.seed_responses(workspace)
    made = steps.generate_counterparts(workspace)
    assert (made.low, made.models[0].made) == (3, 1)
    assert made.left_out == {
        "the conversation is too long": 1, "tools or attachments, which are not sent": 1,
    }  # fmt: skip
    assert set(generated(workspace)) == {"c0"}


def test_people_say_what_is_low_and_their_word_stands_before_the_seed(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 4, "A plain answer")  # which the judge finds good
    configure(workspace, endpoint.url)
    raw = workspace.config.model_dump(exclude_unset=True)
    workspace.config = Config.model_validate(raw | {"mix": {"kinds": {"qualitative": 1}, "overlap": 3}})
    steps.seed_responses(workspace)
    steps.generate_tasks(workspace)
    office = Office(workspace)
    for task in office.tasks("qualitative"):
        for person in (ANN, BOB, CAT):
            helpful = "no" if task.message_ids == ("c2#1",) else "yes"
            office.answer(person, task, {**ALL_TAGS, "sensitive": "no", "toxic": "no", "helpful": helpful})
    assert steps.generate_counterparts(workspace, dry_run=True).low == 1
    configure(workspace, endpoint.url, counterparts={"rated_by": "seed"})
    assert steps.generate_counterparts(workspace, dry_run=True).low == 0
    configure(workspace, endpoint.url, counterparts={"rated_by": "people"})
    steps.generate_counterparts(workspace)
    assert set(generated(workspace)) == {"c2"}


def test_each_model_that_generates_is_asked_and_the_models_of_the_log_are_not(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 2)
    configure(
        workspace, endpoint.url,
        models=["writer-1", {"model": "writer-2", "temperature": 0.0, "licence": "mit"}, "model-x",
                {"model": "second-judge", "roles": ["judge"]}],
    )  # fmt: skip
    assert workspace.config.judges() == ("second-judge",)
    assert workspace.config.llm is not None
    endpoint.respond = lambda request: (
        ok(ratings(request, lambda text: LOW if "bad" in text else GOOD), USED)
        if request["model"] == "second-judge"
        else ok(written(request), USED)
    )
    steps.seed_responses(workspace)
    made = steps.generate_counterparts(workspace, limit=1)
    assert {run.agent: run.made for run in made.models} == {"writer-1": 1, "writer-2": 1, "model-x": 0}
    made = steps.generate_counterparts(workspace)
    assert {run.agent: run.made for run in made.models} == {"writer-1": 1, "writer-2": 1, "model-x": 0}
    for beside in generated(workspace).values():
        assert {message.model_name: message.generated.licence for message in beside if message.generated} == {
            "writer-1": "generated", "writer-2": "mit",
        }  # fmt: skip
    assert {request["temperature"] for request in asked(endpoint) if request["model"] == "writer-2"} == {0.0}


def test_without_a_model_that_generates_the_command_says_what_to_write(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    with pytest.raises(ConfigurationError, match="models: "):
        steps.generate_counterparts(workspace)
    configure(workspace, endpoint.url, models=[])
    with pytest.raises(ConfigurationError, match="models: "):
        steps.generate_counterparts(workspace)
    configure(workspace, endpoint.url)
    fill(workspace, 1)
    steps.seed_responses(workspace)
    endpoint.respond = lambda _: refusal(404)
    with pytest.raises(ConnectionFailedError):
        steps.generate_counterparts(workspace)
    assert states(workspace) == {RequestState.PENDING: 1}


def test_every_listing_says_that_a_response_is_generated(workspace: Workspace, endpoint: Endpoint) -> None:
    fill(workspace, 1)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    done = command(workspace, "counterparts")
    assert "1 response entered the collection, marked as generated" in " ".join(done.output.split())
    assert "assistant (to 1, generated, writer-1" in command(workspace, "collection", "show", "c0").output
    assert "(generated)" in command(workspace, "collection", "search", "writer-1 answers").output
    counted = json.loads(command(workspace, "collection", "stats", "--json").output)
    assert counted["generated"] == {"writer-1": 1}
    assert counted["models"] == {"model-x": 1}
    shown = json.loads(command(workspace, "collection", "show", "c0", "--json").output)
    assert [bool(message["generated"]) for message in shown["conversation"]] == [False] * 4 + [True]


def test_a_response_that_waits_is_redacted_with_the_collection(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 1)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)

    def answer(request: dict[str, Any]) -> Reply:
        with workspace.store.write() as connection:  # as another command would do meanwhile
            set_state(connection, ["c0"], SharingState.PRIVATE, NOW)
        return ok("Ask Zebulon Quux.", USED)

    endpoint.respond = answer
    assert steps.generate_counterparts(workspace).placed == 0
    with workspace.store.write() as connection:
        set_state(connection, ["c0"], SharingState.SHARED, NOW)
    raw = workspace.config.model_dump(exclude_unset=True)
    workspace.config = Config.model_validate(raw | {"privacy": {"deny_names": ["Zebulon Quux"]}})
    steps.redact_collection(workspace)
    assert place_received(workspace) == 1
    ((made,),) = generated(workspace).values()
    assert made.content == "Ask [NAME_1]."


def test_thoughts_and_what_no_store_keeps_are_no_part_of_a_response(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 2)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    replies = iter(["<think>They want a sum.</think>\n\nIt is\x00 two.", "<think>Only this.</think>"])
    endpoint.respond = lambda _: ok(next(replies), USED)
    steps.generate_counterparts(workspace)
    ((made,),) = generated(workspace).values()
    assert made.content == "It is\ufffd two."
    assert states(workspace) == {RequestState.DONE: 1, RequestState.UNUSABLE: 1}


def test_a_limit_ends_requests_and_not_the_figures_and_a_dry_run_counts_what_is_asked_again(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 5)
    configure(workspace, endpoint.url)
    steps.seed_responses(workspace)
    assert steps.generate_counterparts(workspace, limit=1, dry_run=True).low == 5
    endpoint.respond = lambda _: ok(" ", USED)
    assert steps.generate_counterparts(workspace, limit=2).low == 5
    assert states(workspace).keys() <= {RequestState.UNUSABLE, RequestState.UNANSWERED}
    failed = states(workspace).get(RequestState.UNUSABLE, 0)
    again = steps.generate_counterparts(workspace, dry_run=True).models[0].planned
    assert again == 5 - failed
    assert steps.generate_counterparts(workspace, dry_run=True, retry=True).models[0].planned == 5


def test_a_request_that_is_sent_again_has_the_licence_of_today(
    workspace: Workspace, endpoint: Endpoint
) -> None:
    fill(workspace, 1)
    configure(workspace, endpoint.url, models=[{"model": "writer-1", "licence": "wrong"}], max_attempts=1)
    steps.seed_responses(workspace)
    endpoint.respond = lambda _: refusal(500)
    with pytest.raises(ConnectionFailedError):
        steps.generate_counterparts(workspace)
    endpoint.respond = usual
    configure(workspace, endpoint.url, models=[{"model": "writer-1", "licence": "right"}])
    assert steps.generate_counterparts(workspace).placed == 1
    ((made,),) = generated(workspace).values()
    assert made.generated is not None
    assert made.generated.licence == "right"
