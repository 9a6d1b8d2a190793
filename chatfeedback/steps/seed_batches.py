"""Seed feedback by the Batch API: submit, come back later, read; a run may be stopped at any instruction.

A batch is stored before it is submitted, by a name that the endpoint keeps with it: so a run that was stopped between
the two is told by the endpoint whether there is a batch.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from task_generators.llm.batch import (
    MAX_FILE_BYTES,
    MAX_REQUESTS,
    BatchClient,
    batch_line,
)
from task_generators.llm.errors import UnusableReplyError
from task_generators.seed_feedback.llm import Judged, read
from workspaces.errors import ConnectionFailedError
from workspaces.grammar import counted
from workspaces.store.requests import RequestState
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.seed_requests import (
    Batch,
    EndedSeed,
    begin_batch,
    begin_requests,
    close_batch,
    end_requests,
    open_batches,
    request_rows,
    submitted,
)
from workspaces.store.spending import settle_usage
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatfeedback.steps.seeding import Seeding
    from task_generators.llm.batch import BatchResult, RemoteBatch
    from task_generators.seed_feedback.requests import SeedRequest
    from workspaces.store.seed_requests import RequestRow


def read_batches(seeding: Seeding) -> None:
    """Read the results of each batch of a judge that has ended; the requests of the others are counted as submitted.

    Raises:
        ConnectionFailedError: the endpoint cannot be reached, or refused a whole batch; its requests are asked again
            by the next run.
    """
    client = BatchClient(seeding.judge.chat.endpoint)
    store = seeding.workspace.store
    with store.read() as connection:
        batches = open_batches(connection, seeding.judge.agent)
    for batch in batches:
        remote = client.find(batch.batch_id) if batch.remote_id is None else client.look(batch.remote_id)
        if remote is None:  # it was never submitted
            with store.write() as connection:
                close_batch(connection, batch.batch_id, "lost", utc_now())
                settle_usage(connection, batch.batch_id, None)
        elif not remote.has_ended:
            with store.write() as connection:
                submitted(connection, batch.batch_id, remote.id)
                rows = request_rows(connection, [RequestState.SUBMITTED], batch_id=batch.batch_id)
            seeding.run.submitted += sum(len(row.targets) for row in rows if row.canary_of is None)
        else:
            _read(seeding, client, batch, remote)


def _read(seeding: Seeding, client: BatchClient, batch: Batch, remote: RemoteBatch) -> None:
    store = seeding.workspace.store
    with store.read() as connection:
        rows = {
            row.request_id: row
            for row in request_rows(connection, [RequestState.SUBMITTED], batch_id=batch.batch_id)
        }
    read_rows: dict[str, Judged] = {}
    spent, untold = seeding.money.spent, seeding.judge.meter.total.unmetered
    for result in client.results(remote):
        row = rows.get(result.custom_id)  # none if its conversation was deleted meanwhile
        if result.completion is not None:
            seeding.judge.meter.count(*result.completion.tokens())
        if row is not None and row.request_id not in read_rows:
            read_rows[row.request_id] = _judged(row, result, (batch.agent, batch.prompt_version))
    now = utc_now()
    with store.write() as connection:
        end_requests(connection, [judged.ended for judged in read_rows.values()], now)
        save_seeds(connection, [seed for judged in read_rows.values() for seed in judged.seeds])
        close_batch(connection, batch.batch_id, remote.status, now)
        all_told = seeding.judge.meter.total.unmetered == untold
        settle_usage(connection, batch.batch_id, None if all_told else seeding.money.spent - spent)
        seeding.save_spending(connection)
    for name, judged in read_rows.items():
        seeding.note(len(rows[name].targets), rows[name].canary_of is not None, judged)
    seeding.say_how_far()
    if remote.status == "failed":
        raise ConnectionFailedError(
            f"the LLM refused a whole batch of {counted(len(rows), 'request')}"
            f"{f' ({remote.fault})' if remote.fault else ''}: mend that, and run 'chatfeedback seed' again"
        )


def _judged(row: RequestRow, result: BatchResult, judge: tuple[str, str]) -> Judged:
    if result.completion is None:
        state = RequestState.REFUSED if result.status in (400, 413, 422) else RequestState.UNANSWERED
        return Judged(EndedSeed(row.request_id, state, result.fault))
    targets = {int(number): message_id for number, message_id in row.targets.items()}
    try:
        return read(row.request_id, targets, row.canary_of, result.completion.text(), judge, utc_now())
    except UnusableReplyError as fault:
        mended_before = row.reply is not None
        state = RequestState.UNUSABLE if mended_before else RequestState.REPAIR
        return Judged(EndedSeed(row.request_id, state, str(fault), fault.reply or ""))


def submit_batches(seeding: Seeding) -> None:
    """Submit what has to be asked; with a budget, only once all batches before were read and their cost is known."""
    if seeding.money.left is not None and seeding.run.submitted:
        return
    client = BatchClient(seeding.judge.chat.endpoint)
    store = seeding.workspace.store
    source = iter(seeding.plan())
    held: list[SeedRequest] = []
    while True:
        requests, lines = _next_batch(seeding, source, held)
        if not requests:
            break
        batch = Batch(secrets.token_hex(12), *seeding.judge.names, None)
        with store.write() as connection:
            begin_batch(connection, batch, utc_now())
            begin_requests(connection, seeding.rows(requests), utc_now(), batch.batch_id)
            seeding.charge(connection, batch.batch_id, requests)
        remote_id = client.submit(b"".join(lines), batch.batch_id)
        with store.write() as connection:
            submitted(connection, batch.batch_id, remote_id)
        count = sum(len(each.targets) for each in requests if each.canary_of is None)
        seeding.run.submitted += count
    seeding.count_left([*held, *source])


def _next_batch(
    seeding: Seeding, source: Iterator[SeedRequest], held: list[SeedRequest]
) -> tuple[list[SeedRequest], list[bytes]]:
    """Take requests for one batch; the one that does not fit any more, or is not paid any more, is ``held``."""
    requests: list[SeedRequest] = []
    lines: list[bytes] = []
    size = 0
    while len(requests) < MAX_REQUESTS:
        request = held.pop() if held else next(source, None)
        if request is None:
            break
        line = batch_line(request.id, seeding.judge.body(request))
        if (requests and size + len(line) > MAX_FILE_BYTES) or not seeding.admits(request):
            held.append(request)
            break
        requests.append(request)
        lines.append(line)
        size += len(line)
    return requests, lines
