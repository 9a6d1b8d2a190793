"""Requests for labels in both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.sample_records import NOW, minutes
from workspaces.store.label_requests import (
    LabelRequest,
    begin_labels,
    count_failed_labels,
    end_labels,
    failed_labels,
    label_requests,
)
from workspaces.store.requests import FAILED, Ended, RequestState

if TYPE_CHECKING:
    from workspaces.store import Store

ROW = LabelRequest("r1", "challenge", "c", "c", "judge")
AGENTS = {"challenge": ("judge",), "moderation": ("judge", "another")}
OTHER = replace(ROW, request_id="r4", purpose="moderation", subject="c#1")


def test_a_request_goes_with_its_label_and_stays_with_its_reply_without_one(store: Store) -> None:
    rows = [ROW, replace(ROW, request_id="r2"), replace(ROW, request_id="r3"), OTHER]
    with store.write() as connection:
        begin_labels(connection, rows, NOW)
        end_labels(
            connection,
            [
                Ended("r1", RequestState.DONE),
                Ended("r2", RequestState.UNUSABLE, "fault", "a\x00b"),
                Ended("r3", RequestState.UNANSWERED, "overload"),
                Ended("r4", RequestState.REFUSED, "too long"),
            ],
            minutes(1),
        )
    with store.read() as connection:
        (failed,) = label_requests(connection, "challenge", FAILED)
        assert (failed.request_id, failed.fault, failed.reply) == (
            "r2",
            "fault",
            "a\N{REPLACEMENT CHARACTER}b",
        )
        assert failed_labels(connection, "challenge", "judge") == {"r2"}
        assert count_failed_labels(connection, AGENTS) == {"challenge": 1, "moderation": 1}
        assert count_failed_labels(connection, {"challenge": ("another",)}) == {}
        waiting = label_requests(connection, "challenge", [RequestState.UNANSWERED])
        assert [row.request_id for row in waiting] == ["r3"]
    with store.write() as connection:
        begin_labels(connection, [failed], minutes(2))
        (begun,) = label_requests(connection, "challenge", [RequestState.PENDING])
        assert (begun.request_id, begun.fault, begun.reply) == ("r2", None, None)
        assert label_requests(connection, "challenge", FAILED) == []
        assert count_failed_labels(connection, AGENTS) == {"moderation": 1}
        begin_labels(connection, [OTHER], minutes(3))
        assert label_requests(connection, "moderation", [RequestState.PENDING]) == [OTHER]
