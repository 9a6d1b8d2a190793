"""Many spenders at once, an upstream that fails and stalls, clients that leave: the points add up."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
import sqlalchemy as sa

from chatfeedback import steps
from reward_engine.accounts import held_account, person_account
from reward_engine.ledger import balance
from task_generators.llm.answers import DONE, StreamedAnswer, UnfinishedAnswerError, whole_answer
from task_generators.llm.bounded import MAX_REPLY_BYTES
from tests.unit.chatfeedback.web.chat_site import chat_workspace, key_of, person_with, running
from tests.unit.chatfeedback.web.faulty_upstream import KEY, FaultyUpstream, upstream_at
from workspaces.store.chat_exchanges import chat_exchange
from workspaces.store.holds import hold, hold_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace

SPENDERS = 200
EACH = 2


async def ask(http: httpx.AsyncClient, key: str, text: str, *, stream: bool, leaves: bool) -> str:
    """Ask once; return how it ended, as the client saw it."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
    headers = {"Authorization": f"Bearer {key}"}
    async with http.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        if answer.status_code != 200:
            said = await answer.aread()
            assert KEY.encode() not in said
            return str(answer.status_code)
        seen = ""
        async for part in answer.aiter_text():
            seen += part
            if leaves and "word0" in seen:
                return "left"
        assert KEY not in seen
        if not stream:
            return "answered"
        return "answered" if seen.endswith("data: [DONE]\n\n") else "failed"


def figures(workspace: Workspace) -> tuple[Counter[str], int]:
    """Return the outcomes of all holds, and how many answers were kept."""
    with workspace.store.read() as connection:
        outcomes = connection.execute(
            sa.select(hold_outcome.c.outcome).select_from(
                hold.outerjoin(hold_outcome, hold_outcome.c.hold_id == hold.c.hold_id)
            )
        ).scalars()
        counted = Counter(str(outcome) for outcome in outcomes)
        kept = connection.execute(sa.select(sa.func.count()).select_from(chat_exchange)).scalar_one()
    return counted, kept


@pytest.mark.parametrize("choices", [5, "x", {"a": 1}, [5, None, "x"], None])
def test_events_of_any_shape_are_no_failure_of_ours(choices: object) -> None:
    streamed = StreamedAnswer()
    streamed.feed(b"data: " + json.dumps({"choices": choices}).encode() + b"\n\n")
    with pytest.raises(UnfinishedAnswerError):
        streamed.end()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
@pytest.mark.parametrize("done", [True, False])
def test_what_is_paid_was_passed_on_however_the_stream_ends(end: bytes, done: bool) -> None:
    event = {"choices": [{"index": 0, "delta": {"content": "all of it"}, "finish_reason": "stop"}]}
    streamed = StreamedAnswer()
    told = streamed.feed(
        b"data: " + json.dumps(event).encode() + (b"\n\ndata: [DONE]" if done else b"") + end
    )
    told += streamed.last()
    assert streamed.end().turn()["content"] == "all of it"
    first, *others = (told + DONE).split(b"\n\n")
    assert json.loads(first.removeprefix(b"data: ")) == event
    assert [other.strip() for other in others if other.strip()] == [DONE.strip()]


@pytest.mark.parametrize(
    ("choice", "reply"),
    [
        ({"finish_reason": "error"}, {}),
        ({"error": {"code": 502, "message": "no"}}, {}),
        ({}, {"error": {"message": "no"}}),
    ],
)
def test_an_answer_that_says_it_failed_is_none(choice: dict[str, Any], reply: dict[str, Any]) -> None:
    said = {"role": "assistant", "content": "half of"}
    body = {"choices": [{"index": 0, "message": said, "finish_reason": "stop", **choice}], **reply}
    with pytest.raises(UnfinishedAnswerError, match="reported a failure"):
        whole_answer(json.dumps(body).encode())
    body["choices"] = [{"index": 0, "delta": said, "finish_reason": "stop", **choice}]
    with pytest.raises(UnfinishedAnswerError, match="reported a failure"):
        StreamedAnswer().feed(b"data: " + json.dumps(body).encode() + b"\n\n")


def test_a_text_in_parts_is_an_answer_and_is_paid() -> None:
    """As Mistral's models that reason answer: their streams were read and not paid."""
    parts: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "Yes."},
    ]
    answer = whole_answer(json.dumps({"choices": [{"message": {"content": parts}}]}).encode())
    assert answer.turn() == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    parts[0]["thinking"] = "Hm."
    assert (
        whole_answer(json.dumps({"choices": [{"message": {"content": parts}}]}).encode()).turn()
        == answer.turn()
    )
    for nothing in (None, {"type": "text", "text": None}, {"type": "text"}):
        with pytest.raises(UnfinishedAnswerError, match="empty"):
            whole_answer(json.dumps({"choices": [{"message": {"content": [nothing]}}]}).encode())
    picture = {
        "choices": [
            {"message": {"content": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}}
        ]
    }
    assert whole_answer(json.dumps(picture).encode()).has_more


def test_a_long_line_in_small_pieces_is_bounded_and_joined_once() -> None:
    event = {"choices": [{"index": 0, "delta": {"content": "x" * 1_000_000}, "finish_reason": "stop"}]}
    data = b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n"
    streamed = StreamedAnswer()
    passed_on = b"".join(streamed.feed(data[at : at + 64]) for at in range(0, len(data), 64))
    assert streamed.end().turn()["content"] == "x" * 1_000_000
    assert passed_on.split(b"\n")[0] == data.split(b"\n")[0]
    endless, part = StreamedAnswer(), b"x" * 65_536
    for _ in range(MAX_REPLY_BYTES // len(part)):
        assert endless.feed(part) == b""
    with pytest.raises(UnfinishedAnswerError, match="too long"):
        endless.feed(part)


def test_of_200_spenders_nobody_goes_below_zero_and_what_was_captured_was_answered(tmp_path: Path) -> None:
    upstream = FaultyUpstream(failing=0.2, stalling=0.05, pause=0.002)
    with upstream_at(upstream) as base_url:
        models = [{"model": "m", "base_url": base_url}]
        chat: dict[str, Any] = {"models": models, "stall_seconds": 1.0, "requests_per_minute": 100}
        with chat_workspace(tmp_path / "w", chat=chat) as workspace:
            lots = random.Random(17)
            given = {
                person_with(workspace, f"p{number}", lots.choice((3, 4, 8))): 0 for number in range(SPENDERS)
            }
            keys = {person_id: key_of(workspace, person_id) for person_id in given}
            with workspace.store.read() as connection:
                given = {it: balance(connection, person_account(it)) for it in given}

            async def spend(address: str) -> Counter[str]:
                limits = httpx.Limits(max_connections=None)
                async with httpx.AsyncClient(base_url=address, timeout=120, limits=limits) as http:
                    asked = [
                        ask(http, key, f"{place}", stream=lots.random() < 0.8, leaves=lots.random() < 0.1)
                        for key in keys.values()
                        for place in range(EACH)
                    ]
                    return Counter(await asyncio.gather(*asked))

            with running(workspace) as address:
                seen = asyncio.run(spend(address))
                outcomes, kept = figures(workspace)
                while outcomes["None"]:  # answers whose client left are read to their end
                    time.sleep(0.05)
                    outcomes, kept = figures(workspace)
            assert seen.total() == SPENDERS * EACH
            assert outcomes["captured"] == kept
            assert seen["answered"] <= kept <= seen["answered"] + seen["left"]
            assert kept <= upstream.ended
            assert min(seen["answered"], seen["402"], seen["502"], seen["failed"], seen["left"]) > 0, seen
            assert set(seen) <= {"answered", "left", "failed", "402", "429", "502"}
            with workspace.store.read() as connection:
                left = {it: balance(connection, person_account(it)) for it in given}
                assert {balance(connection, held_account(it)) for it in given} == {0}
            assert min(left.values()) >= 0
            assert sum(given.values()) - sum(left.values()) == 4 * kept
            assert steps.verify_ledger(workspace).problems == ()
            assert steps.collect_chats(workspace).outcomes["collected"] > 0


def test_a_client_that_leaves_has_paid_and_one_that_waits_is_told_of_a_silent_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream = FaultyUpstream(stalling=1.0)
    with upstream_at(upstream) as base_url:
        chat: dict[str, Any] = {"models": [{"model": "m", "base_url": base_url}], "stall_seconds": 0.3}
        with chat_workspace(tmp_path / "w", chat=chat) as workspace, running(workspace) as address:
            ada = person_with(workspace, "ada", 10)
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
            headers = {"Authorization": f"Bearer {key_of(workspace, ada)}"}
            answer = httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers)
            assert answer.status_code == 502
            assert "silent" in answer.json()["error"]["message"]
            upstream.stalling, upstream.pause = 0.0, 0.05
            with httpx.stream(
                "POST", f"{address}/v1/chat/completions", json=body | {"stream": True}, headers=headers
            ) as leaving:
                next(leaving.iter_bytes())
            while figures(workspace)[0]["captured"] < 1:
                time.sleep(0.05)
            with workspace.store.read() as connection:
                assert balance(connection, person_account(ada)) == 6
    assert capsys.readouterr().out == ""


def test_an_answer_that_is_still_given_when_its_time_is_over_ends_there_and_is_paid(tmp_path: Path) -> None:
    """Who asked a slow model for a long answer, or read slowly, had all but its end for nothing, again and again."""
    upstream = FaultyUpstream(words=10_000, pause=0.01)
    with upstream_at(upstream) as base_url:
        chat: dict[str, Any] = {"models": [{"model": "m", "base_url": base_url}]}
        spending = {"hold_minutes": 0.02}
        with (
            chat_workspace(tmp_path / "w", chat=chat, spending=spending) as workspace,
            running(workspace) as address,
        ):
            ada = person_with(workspace, "ada", 10)
            client = openai.OpenAI(base_url=f"{address}/v1", api_key=key_of(workspace, ada), max_retries=0)
            said: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
            chunks = [each.choices[0] for each in client.chat.completions.create(**said, stream=True)]
            assert "word20 " in "".join(each.delta.content or "" for each in chunks)
            assert [each.finish_reason for each in chunks if each.finish_reason] == ["length"]
            upstream.stalling = 1.0
            with pytest.raises(openai.APIStatusError, match="nothing was charged"):
                client.chat.completions.create(**said)  # nobody saw anything of it
            with pytest.raises(openai.BadRequestError, match="stream must be true or false"):
                client.chat.completions.create(**said, extra_body={"stream": "false"})
            with workspace.store.read() as connection:
                assert balance(connection, person_account(ada)) == 6
            assert figures(workspace) == (Counter(captured=1, released=1), 1)


def test_an_answer_with_more_bytes_than_are_read_ends_there_and_is_paid(tmp_path: Path) -> None:
    upstream = FaultyUpstream(words=10_000, padding=2_000)
    with upstream_at(upstream) as base_url:
        chat: dict[str, Any] = {"models": [{"model": "m", "base_url": base_url}]}
        with chat_workspace(tmp_path / "w", chat=chat) as workspace, running(workspace) as address:
            ada = person_with(workspace, "ada", 10)
            body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
            headers = {"Authorization": f"Bearer {key_of(workspace, ada)}"}
            answer = httpx.post(f"{address}/v1/chat/completions", json=body, headers=headers, timeout=60)
            assert answer.text.endswith('"finish_reason": "length"}]}\n\ndata: [DONE]\n\n')
            assert 3_000 < answer.text.count("word") < 10_000
            with workspace.store.read() as connection:
                assert balance(connection, person_account(ada)) == 6
