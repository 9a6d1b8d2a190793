"""A person's accounts: taking one off a platform for good, and saying that a second one is the same person's.

``people revoke`` takes access and keeps everything else as it is, until ``people invite``; ``people delete`` forgets
the person. Removing ends the work: what waits for the person goes to others, what they began is dropped, and what they
submitted is read first, stays, and is paid.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import SecretStr

from chatfeedback.steps.assignments import read_assigned, router_of, routes
from chatfeedback.steps.sync import note_new_answers, poll_platform
from workspaces.errors import UsageError, WorkbenchError
from workspaces.grammar import counted, word_for
from workspaces.registry import PLATFORMS
from workspaces.store.annotations import newest_number
from workspaces.store.chat_keys import revoke_keys
from workspaces.store.identities import OIDC, delete_kind, digests_of, move_identities
from workspaces.store.lead_messages import move_messages
from workspaces.store.members import (
    MemberStatus,
    admit,
    is_revoked,
    meet,
    move_memberships,
    note_restored,
    note_revoked,
)
from workspaces.store.person_rows import history_of
from workspaces.store.tasks import containers
from workspaces.store.web_sessions import end_sessions_of
from workspaces.store.who_answered import drafts_given, tasks_answered_by
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workspaces.platforms.base import Platform
    from workspaces.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RemovedAccount:
    """What became of one account.

    ``account`` is ``deleted``, ``closed`` (nobody signs in with it or finds a task; its answers need its name) or
    ``none``. ``answers`` were submitted there and stay; ``drafts`` were not submitted and are dropped; ``assignments``
    went back to the others.
    """

    account: str
    answers: int
    drafts: int
    assignments: int


@dataclass(slots=True)
class RemovedAccounts:
    """What became of a person's accounts, by platform, and the platforms that failed: nothing changed there."""

    platforms: dict[str, RemovedAccount] = field(default_factory=dict)
    failures: list[WorkbenchError] = field(default_factory=list)


def remove_accounts(workspace: Workspace, person_id: str, names: Iterable[str]) -> RemovedAccounts:
    """Take a person's accounts off platforms, after what they answered there was read; idempotent."""
    result = RemovedAccounts()
    for name in names:
        try:
            with workspace.exclusive(), workspace.platform(name) as platform:
                result.platforms[name] = _remove(workspace, platform, person_id)
        except WorkbenchError as error:
            result.failures.append(error)
    return result


def _remove(workspace: Workspace, platform: Platform, person_id: str) -> RemovedAccount:
    is_theirs = _is(workspace, person_id, platform.name)
    with workspace.store.read() as connection:
        was_revoked = is_revoked(connection, person_id, platform.name)
    there = platform.revoke(is_theirs)  # first: nothing is answered while the rest is read
    with (
        workspace.store.write() as connection
    ):  # before anything can fail: 'people invite' undoes what is noted
        if there:
            meet(connection, [person_id], platform.name, utc_now(), hold=True)
        note_revoked(connection, person_id, platform.name, utc_now())
    read = poll_platform(workspace, platform)
    note_new_answers(workspace)
    if read.failures:
        if not was_revoked:
            platform.restore(is_theirs)
            with workspace.store.write() as connection:
                note_restored(connection, person_id, platform.name)
        raise WorkbenchError(
            f"not everything on {PLATFORMS[platform.name].title} could be read ({read.failures[0]}), so that answers "
            "might be lost: nothing was removed. Run 'chatfeedback sync', then this again"
        )
    assignments = _take_back(workspace, platform, person_id)
    with workspace.store.read() as connection:
        drafts = drafts_given(connection, platform.name, person_id)
        answers = len(tasks_answered_by(connection, platform.name, person_id))
    platform.remove_answers(drafts)
    account = "none"
    if there:
        account = "closed"
        if platform.name in workspace.servers():  # on others the account may serve other work
            if answers:
                platform.reset_password(is_theirs, SecretStr(secrets.token_urlsafe(24)))
            else:
                platform.close_account(is_theirs)
                account = "deleted"
    return RemovedAccount(account, answers, len(drafts), assignments)


def _take_back(workspace: Workspace, platform: Platform, person_id: str) -> int:
    """Take back what waits for a person; return how much."""
    if not routes(workspace, platform.name):
        return 0
    router = router_of(platform)
    assigned = read_assigned(workspace, platform.name, router)
    stray = [(container, each) for person, container, each in assigned.stray if person == person_id]
    waiting = [
        (assigned.places[task_id].container_id, each)
        for (person, task_id), each in assigned.open.items()
        if person == person_id
    ]
    for container in sorted({container for container, _ in (*stray, *waiting)}):
        router.take_back(container, [each for at, each in (*stray, *waiting) if at == container])
    return len(stray) + len(waiting)


def link_account(workspace: Workspace, person_id: str, platform: str, name: str) -> bool:
    """Say that an account on a platform is a person's; return whether that is new.

    The account answers as that person from then on, into the same wallet; a task that both accounts answer is one
    answer, paid once. Whatever was answered or paid before stays as it was.

    Raises:
        UsageError: there is no such account, or it has a history of its own, which can belong to nobody else.
    """
    with workspace.exclusive():
        before = workspace.pseudonyms.find(name, (platform,))
        if before is None:
            _check_account(workspace, platform, name)
        has_form = before is not None and workspace.demographics.has_answers(before)
        with workspace.store.write() as connection:
            if before is not None and before != person_id:
                held = history_of(connection, before)
                if has_form:
                    held.append("a form about themselves")
                if held:
                    raise UsageError(
                        f"{name!r} on {PLATFORMS[platform].title} is {before}, who has {', '.join(held)} here: that "
                        "history is theirs in the ledger and stays. Let the person go on with one account, and "
                        f"'chatfeedback people remove' the other; 'chatfeedback people link {person_id} {before}' "
                        "says that the two are one: a task that both answered counts and is paid once"
                    )
                move_identities(connection, before, person_id)
                move_memberships(connection, before, person_id)
                move_messages(connection, before, person_id)
            if before is None:
                workspace.pseudonyms.join(connection, platform, name, person_id)
            after = newest_number(connection)
            admit(connection, [person_id], platform, MemberStatus.ACCEPTED, utc_now(), after=after)
        workspace.pseudonyms.look_again()
    return before != person_id


def unlink_account(workspace: Workspace, person_id: str, platform: str, name: str) -> str:
    """Say that an account is not a person's after all, as a link by mistake; return the pseudonym that it has now.

    From then on its owner is a stranger here, and everything that its owner could have opened as the person ends:
    sessions on the page, links to it, keys of programs, accounts at the OpenID provider. What it answered as the person
    is the person's in the ledger, and a platform that now says otherwise would be believed in nothing; so an account
    that answered is not unlinked.

    Raises:
        UsageError: the account is not theirs, is the only one, or answers of it stand on a platform.
        WorkbenchError: a platform cannot be asked for answers; nothing was changed.
    """
    title = PLATFORMS[platform].title
    with workspace.exclusive():
        if workspace.pseudonyms.find(name, (platform,)) != person_id:
            raise UsageError(f"{name!r} on {title} is not {person_id}")
        digest = workspace.pseudonyms.digest(platform, name)
        with workspace.store.read() as connection:
            if len(digests_of(connection, person_id)) == 1:
                raise UsageError(
                    f"{name!r} on {title} is the only name of {person_id}: there is nobody to take it from. "
                    "'chatfeedback people delete' forgets a person"
                )
        # one e-mail address is one person on every platform
        names = workspace.config.platforms.names() if "@" in name else (platform,)
        if answers := sum(_answers_of(workspace, each, digest) for each in names):
            raise UsageError(
                f"{counted(answers, 'answer')} of {name!r} {word_for(answers, 'stands', 'stand')} under {person_id}, "
                "in the ledger too, and cannot become somebody else's. 'chatfeedback people remove' ends its work; "
                "'chatfeedback people review' takes back points that should not have been paid"
            )
        with workspace.store.write() as connection:
            # whoever has the account could sign in as the person, and make other ways in
            end_sessions_of(connection, person_id)
            revoke_keys(connection, person_id, utc_now())
            delete_kind(connection, person_id, OIDC)
            now = workspace.pseudonyms.part(connection, platform, name)
        workspace.pseudonyms.look_again()
        return now


def _answers_of(workspace: Workspace, platform: str, digest: str) -> int:
    """Return how many answers of one account stand on a platform, drafts and skipped tasks included."""

    def theirs(name: str) -> str:
        return digest if workspace.pseudonyms.digest(platform, name) == digest else ""

    with workspace.store.read() as connection:
        boxes = containers(connection, platform)
    with workspace.platform(platform, theirs) as adapter:
        return sum(
            answer.person_id == digest for box in boxes for batch in adapter.pull(box) for answer in batch
        )


def _check_account(workspace: Workspace, name: str, account: str) -> None:
    """Return if the platform has an account of this name.

    Raises:
        UsageError: it has not.
    """
    digest = workspace.pseudonyms.digest(name, account)
    with workspace.platform(name) as platform:
        if not platform.has_account(lambda it: workspace.pseudonyms.digest(name, it) == digest):
            raise UsageError(
                f"{PLATFORMS[name].title} has no account {account!r}: give its user name as it stands there"
            )


def _is(workspace: Workspace, person_id: str, platform: str) -> Callable[[str], bool]:
    return lambda account: workspace.pseudonyms.find(account, (platform,)) == person_id
