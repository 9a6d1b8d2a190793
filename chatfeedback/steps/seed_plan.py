"""Which requests for seed feedback have to be sent: everything that is missing, and nothing that was answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from task_generators.seed_feedback.canaries import canaries_of, forgotten_canaries, share_of
from task_generators.seed_feedback.prompt import EARLIER_VERSIONS, PROMPT_VERSION
from task_generators.seed_feedback.requests import requests_of
from task_generators.seed_feedback.run import unrated_in
from workspaces.records import SharingState
from workspaces.store.conversations import count_by_state
from workspaces.store.requests import FAILED, RequestState
from workspaces.store.seed_feedback import seeded_messages
from workspaces.store.seed_requests import request_rows
from workspaces.store.seed_requests import requests_of as stored_requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from task_generators.seed_feedback.requests import SeedRequest
    from workspaces.store import Store
    from workspaces.workspace import Workspace

SETTLED = (*FAILED, RequestState.DONE, RequestState.SUBMITTED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a judge was asked before: ``settled`` requests; messages ``rated`` by it, or by it under an earlier version
    of the prompt, or waiting in a batch; those rated under ``this`` version; and replies to mend, by request.
    """

    settled: frozenset[str]
    rated: frozenset[str]
    this: frozenset[str]
    repairs: dict[str, str]


def versions_like(prompt_version: str) -> tuple[str, ...]:
    """Return the versions of a prompt whose ratings are not asked for again: this one, and those of earlier workbenches
    with the same corrections.
    """
    suffix = prompt_version.removeprefix(PROMPT_VERSION)
    return tuple(f"{base}{suffix}" for base in (PROMPT_VERSION, *EARLIER_VERSIONS))


def asked_before(store: Store, judge: tuple[str, str]) -> Asked:
    """Return what a judge (its model and the version of its prompt) was asked before."""
    with store.read() as connection:
        states = stored_requests(connection, *judge)
        rated = seeded_messages(connection, judge[0], *versions_like(judge[1]))
        this = seeded_messages(connection, *judge)
        for row in request_rows(connection, [RequestState.SUBMITTED], agent=judge[0]):
            if row.canary_of is None:
                rated.update(row.targets.values())
        mended = request_rows(connection, [RequestState.REPAIR], agent=judge[0])
    return Asked(
        frozenset(name for name, state in states.items() if state in SETTLED),
        frozenset(rated),
        frozenset(this),
        {row.request_id: row.reply or "" for row in mended},
    )


def planned(
    workspace: Workspace, judge: tuple[str, str], canaries: float, asked: Asked
) -> Iterator[SeedRequest]:
    """Yield the requests to a judge that have to be sent, conversation by conversation.

    Args:
        workspace: whose shared conversations.
        judge: its model and the version of its prompt.
        canaries: the share of responses that become canaries.
        asked: what it was asked before.
    """
    with workspace.store.read() as connection:
        share = share_of(canaries, count_by_state(connection).get(SharingState.SHARED, 0))
    for conversation in workspace.collection.scan():
        wanted = {message.id for message in unrated_in(conversation, asked.rated)}
        new = (
            [it for it in requests_of(conversation, wanted, judge) if it.id not in asked.settled]
            if wanted
            else []
        )
        told = [*new, *canaries_of(new, share, judge, asked.settled)] if share else new
        if share and asked.this:
            told += forgotten_canaries(conversation, asked.this, share, judge, asked.settled)
        for request in told:
            reply = asked.repairs.get(request.id)
            yield request if reply is None else replace(request, repair=reply)
