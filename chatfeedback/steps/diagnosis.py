"""What ``doctor`` finds in a workspace that no step refuses: what will be of no use, and what a later step misses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from chatfeedback.steps.assignments import router_of, routes
from chatfeedback.steps.gold import unusable_gold
from chatfeedback.steps.guided_forms import all_drifts
from chatfeedback.steps.money import CHALLENGE, MODERATION
from chatfeedback.steps.redaction_state import is_outdated
from chatfeedback.steps.seed_failures import judge_obedience, labelled_by
from chatfeedback.steps.shared_ids import shared_message_ids
from workspaces.collection.opening import DamagedPartError
from workspaces.collection.sources import ids_by_source
from workspaces.config import secret_from_environment
from workspaces.errors import ConfigurationError, reason_of
from workspaces.grammar import counted, word_for
from workspaces.kinds import all_kinds
from workspaces.platforms.base import RequestRefusedError
from workspaces.registry import PLATFORMS
from workspaces.store.inbox import heard_of
from workspaces.store.label_requests import count_failed_labels
from workspaces.store.requests import FAILED
from workspaces.store.seed_requests import count_requests, open_batches
from workspaces.store.tasks import all_tasks
from workspaces.store.withdrawals import pending_platforms
from workspaces.tls import tls_context
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workspaces.config import LLMConfig, ModerationConfig
    from workspaces.platforms.base import Platform
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``ok`` is false if a step fails of it; a ``warning`` is of something useless."""

    name: str
    ok: bool
    detail: str
    warning: bool = False


LABELLED_BY = {CHALLENGE: "challenge", MODERATION: "moderate"}
"""The command below ``collection`` that makes the labels of a purpose."""

ADDRESS_SECONDS = 10.0

NOT_YET_SECONDS = 60
"""So long after an answer was read its event may still be on the way."""


def events_kept_away(workspace: Workspace, platform: Platform) -> Finding | None:
    """Return what keeps a platform's events from ``sync --watch``, as far as it can be known; it loses no answer."""
    title = f"{PLATFORMS[platform.name].title} events"
    path = f"http://127.0.0.1/{workspace.id}/{platform.name}"  # as sync --watch has it
    try:
        since = platform.hooked_since(path)
        reason = platform.refuses_receiver(path) if since is None else None
    except RequestRefusedError:  # a version without webhooks
        return None
    if since is None:
        return Finding(title, True, reason, warning=True) if reason else None
    with workspace.store.read() as connection:
        before = utc_now() - timedelta(seconds=NOT_YET_SECONDS)
        changed, heard = heard_of(connection, platform.name, since, before)
    if heard or not changed:
        return None
    detail = (
        f"{counted(changed, 'answer')} came and no event: for Argilla, see that its worker ('argilla-sql-search "
        "worker', or 'python -m argilla_server worker') and its Redis run, and that it reaches the address of 'sync "
        "--watch'. Answers are read all the same, a few seconds later"
    )
    return Finding(title, True, detail, warning=True)


def findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield what is found of a workspace: keys, sources, columns, kinds, gold, and tasks that still have to go."""
    config = workspace.config
    asked: dict[str, LLMConfig | ModerationConfig | None] = {
        "llm": config.llm,
        "moderation": config.moderation,
    }
    if config.llm is not None:
        named = [it for it in config.llm.each_judge() if it is not config.llm]
        asked |= {f"judge {number}": it for number, it in enumerate(named, start=1)}
        generating = (endpoint for endpoint, _ in config.llm.each_generator())
        asked |= {f"generator {number}": it for number, it in enumerate(generating, start=1)}
    for name, endpoint in asked.items():
        if endpoint is not None:
            try:
                secret_from_environment(endpoint.api_key_env, name)
                yield Finding(name, True, f"{endpoint.model} at {endpoint.base_url}")
            except ConfigurationError as fault:
                yield Finding(name, False, str(fault))
    yield from judges(workspace)
    if is_outdated(workspace):
        yield Finding(
            "redaction",
            False,
            "privacy was changed since the collection was read: run 'chatfeedback collection redact'",
        )
    for detail in unknown_columns(workspace):
        yield Finding("chat logs", False, detail)
    try:
        workspace.collection.check_files()
        for detail in unknown_sources(workspace):
            yield Finding("sources", True, detail, warning=True)
        if shared := shared_message_ids(workspace):
            yield Finding("message ids", True, shared.sentence(), warning=True)
    except DamagedPartError as fault:
        yield Finding("collection", False, str(fault))
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
        waiting = [name for name in pending_platforms(connection) if name not in config.platforms.names()]
    for kind in sorted({task.kind for task in tasks.values()} - all_kinds().keys()):
        yield Finding(
            "task kinds",
            False,
            f"no installed package declares {kind!r}, of which tasks are: install it again",
        )
    for name in waiting:
        yield Finding(
            "platforms",
            False,
            f"tasks still have to go from {name}, which chatfeedback.yaml no longer names: put platforms.{name} back, "
            "with 'share: 0' if it shall get no new ones",
        )
    if unusable := unusable_gold(workspace):
        more = f" and {len(unusable) - 1:,} more" if len(unusable) > 1 else ""
        task_id, why = next(iter(unusable.items()))
        detail = f"nobody can answer gold {task_id}{more}: {why}; see 'chatfeedback gold list'"
        yield Finding("gold", True, detail, warning=True)


def address_finding(workspace: Workspace, name: str) -> Finding | None:
    """Return whether something answers where people open a platform; no key is sent there.

    It may be reached from elsewhere alone, so it is a warning; None: people open it where the workbench does.
    """
    origin = workspace.config.platforms.sections()[name].origin
    if origin is None:
        return None
    try:
        answer = httpx.get(origin, timeout=ADDRESS_SECONDS, verify=tls_context())
        why = f"HTTP {answer.status_code}" if answer.is_server_error else None
    except httpx.HTTPError as error:
        why = reason_of(error)
    detail = (
        origin
        if why is None
        else (
            f"{origin} cannot be opened from here ({why}): see that a proxy is there, and that it leads to "
            f"{workspace.url(name)} (deploy/README.md)"
        )
    )
    return Finding(f"{PLATFORMS[name].title} address", True, detail, warning=why is not None)


def routing_finding(workspace: Workspace, platform: Platform) -> Finding:
    """Return whether people are given tasks of their own on a platform; where none can be given, a warning.

    Raises:
        RoutingUnavailableError: the platform could, and its server cannot.
    """
    entry = PLATFORMS[platform.name]
    name = f"routing on {entry.title}"
    if routes(workspace, platform.name):
        router_of(platform)
        return Finding(name, True, "people are given tasks of their own: chatfeedback route")
    overlap = " until enough people have answered it" if entry.capabilities.overlap_enforced else ""
    groups = ""
    if workspace.config.routing.groups:
        groups = "; groups are not kept apart there: send their mixes to a platform of their own (mixes.NAME.platforms)"
    detail = (
        f"{entry.title} cannot give tasks to chosen people: everybody there is offered every task{overlap}, their own "
        f"conversations included{groups}"
    )
    return Finding(name, True, detail, warning=True)


def drift_findings(workspace: Workspace, platform: Platform) -> Iterator[Finding]:
    """Yield a warning where somebody changed settings on a platform, and one of those that are left to it."""
    drifts = all_drifts(workspace, platform)
    title = PLATFORMS[platform.name].title
    changed, left = [it for it in drifts if not it.left], [it for it in drifts if it.left]
    if changed:
        sides = "'chatfeedback push --settings ours' writes them anew, '--settings theirs' leaves them to the platform"
        detail = f"changed on the platform, and not written since: {'; '.join(map(str, changed))}. {sides}"
        yield Finding(f"{title} settings", True, detail, warning=True)
    if left:
        back = "'chatfeedback push --settings ours' takes them back"
        detail = f"left to the platform: {'; '.join(map(str, left))}. {back}"
        yield Finding(f"{title} settings left", True, detail, warning=True)


def judges(workspace: Workspace) -> Iterator[Finding]:
    """Yield a finding for each judge that obeys what it judges, one for requests that failed, and one for each judge
    that is named no more although a batch of it waits.
    """
    obeyed: dict[str, list[str]] = {}
    for shift in judge_obedience(workspace):
        if shift.obeys:
            obeyed.setdefault(shift.judge, []).append(shift.question)
    for judge, questions in obeyed.items():
        detail = (
            f"{judge} obeys instructions in the text that it judges ({', '.join(questions)}): do not trust its "
            "significance, and name another model in llm; 'chatfeedback report' says by how much"
        )
        yield Finding("judges", True, detail, warning=True)
    with workspace.store.read() as connection:
        states = count_requests(connection, workspace.config.judges())  # no others are asked again
        labels = count_failed_labels(connection, labelled_by(workspace.config))
        waiting = {batch.agent for batch in open_batches(connection)}
    for judge in sorted(waiting.difference(workspace.config.judges())):
        detail = (
            f"a batch of requests to {judge} was not read yet, and llm names that judge no more: name it in "
            "llm.judges, and run 'chatfeedback seed' until the batch is read"
        )
        yield Finding("batches", True, detail, warning=True)
    if failed := sum(states.get(state, 0) for state in FAILED):
        detail = (
            f"{counted(failed, 'request')} for seed feedback {word_for(failed, 'has', 'have')} no usable reply: read "
            f"{word_for(failed, 'it', 'them')} with 'chatfeedback seed --failed', and ask again by 'chatfeedback seed "
            "--retry'"
        )
        yield Finding("seed feedback", True, detail, warning=True)
    for purpose, failed in labels.items():
        command = f"chatfeedback collection {LABELLED_BY[purpose]}"
        detail = (
            f"{counted(failed, 'request')} for {purpose} {word_for(failed, 'has', 'have')} no usable reply: read "
            f"{word_for(failed, 'it', 'them')} with '{command} --failed', and ask again by '{command} --retry'"
        )
        yield Finding(purpose, True, detail, warning=True)


def unknown_sources(workspace: Workspace) -> list[str]:
    """Return a sentence for each of ``sources`` that no conversation names; none while the collection is empty."""
    if not workspace.config.sources:
        return []
    known = ids_by_source(workspace.collection)
    if not known:
        return []
    here = ", ".join(repr(name) for name in known if name) or "none"
    return [
        f"sources in chatfeedback.yaml has {name!r}, which no conversation names, so that its licence counts for "
        f"nothing; sources here: {here}"
        for name in workspace.config.sources
        if name not in known
    ]


def unknown_columns(workspace: Workspace) -> list[str]:
    """Return a sentence for each of ``chat_logs.csv_columns`` that no reader knows."""
    names = workspace.config.chat_logs.csv_columns
    if not names:
        return []
    from task_generators.chat_logs.readers import READERS, TABLE_COLUMNS  # the readers take a while to import

    return [
        f"chat_logs.csv_columns maps {theirs!r} to {ours!r}, which no reader knows; write our name before theirs: "
        f"{', '.join(TABLE_COLUMNS)}"
        for ours, theirs in names.items()
        if not any(ours in reader.columns or reader.declared.use_of(ours) is not None for reader in READERS)
    ]
