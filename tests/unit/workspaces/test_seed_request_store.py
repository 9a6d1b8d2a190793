"""Requests for seed feedback in both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.sample_records import ALL_TAGS, NOW, minutes
from workspaces.records import Quality, SeedFeedback, Significance, Tag
from workspaces.store.requests import RequestState
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.seed_requests import (
    Batch,
    EndedSeed,
    RequestRow,
    ask_again,
    begin_batch,
    begin_requests,
    canary_pairs,
    close_batch,
    count_requests,
    end_requests,
    open_batches,
    request_rows,
    requests_of,
    submitted,
)

if TYPE_CHECKING:
    from workspaces.store import Store

ROW = RequestRow("r1", "c", "judge", "2", "seed", {"2": "c#1"})
JUDGED = {**ALL_TAGS, "significance": "high"}


def test_a_request_goes_from_pending_to_one_end_and_begins_once(store: Store) -> None:
    rows = [
        ROW,
        replace(ROW, request_id="r2"),
        replace(ROW, request_id="r3", purpose="praise", canary_of="c#1"),
    ]
    for _ in range(2):
        with store.write() as connection:
            begin_requests(connection, rows, NOW)
    with store.write() as connection:
        end_requests(
            connection,
            [
                EndedSeed("r1", RequestState.DONE),
                EndedSeed("r2", RequestState.UNUSABLE, "fault", "a\x00b"),
                EndedSeed("r3", RequestState.DONE, judged=JUDGED),
            ],
            minutes(1),
        )
        tags = dict.fromkeys(Quality, Tag.NO)
        save_seeds(connection, [SeedFeedback("c#1", "judge", "2", tags, Significance.LOW, NOW)])
    with store.read() as connection:
        assert count_requests(connection) == {RequestState.DONE: 2, RequestState.UNUSABLE: 1}
        assert set(requests_of(connection, "judge", "2")) == {"r1", "r2", "r3"}
        (failed,) = request_rows(connection, [RequestState.UNUSABLE])
        assert (failed.request_id, failed.fault, failed.reply) == (
            "r2",
            "fault",
            "a\N{REPLACEMENT CHARACTER}b",
        )
        (pair,) = canary_pairs(connection)
        assert (pair.purpose, pair.told, pair.plain["helpful"]) == ("praise", JUDGED, "no")
    with store.write() as connection:
        assert ask_again(connection, ["other"], NOW) == 0
        assert ask_again(connection, ["judge"], NOW) == 1
        assert count_requests(connection)[RequestState.PENDING] == 1


def test_what_a_closed_batch_did_not_answer_is_pending_again(store: Store) -> None:
    batch = Batch("b1", "judge", "2", None)
    with store.write() as connection:
        begin_batch(connection, batch, NOW)
        begin_requests(connection, [ROW, replace(ROW, request_id="r2")], NOW, "b1")
        assert open_batches(connection, "judge") == [batch]
        submitted(connection, "b1", "batch_7")
        assert [it.remote_id for it in open_batches(connection, "judge")] == ["batch_7"]
        assert len(request_rows(connection, [RequestState.SUBMITTED], batch_id="b1")) == 2
        end_requests(connection, [EndedSeed("r2", RequestState.DONE)], NOW)
        close_batch(connection, "b1", "completed", NOW)
        assert open_batches(connection, "judge") == []
        assert count_requests(connection) == {RequestState.DONE: 1, RequestState.PENDING: 1}
