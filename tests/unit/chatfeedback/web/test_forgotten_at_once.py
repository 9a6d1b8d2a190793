"""Who is to be forgotten is out, and what they said here is gone, before a platform is asked about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from chatfeedback import steps
from chatfeedback.steps import deletion
from chatfeedback.steps.chat_keys import make_chat_key, person_of_key
from tests.unit.chatfeedback.web.conftest import email
from workspaces.errors import UsageError, WorkbenchError
from workspaces.store.chat_exchanges import (
    Choice,
    Exchange,
    chat_exchange,
    keep_choice,
    keep_exchange,
    keep_private,
)
from workspaces.store.erasure import PERSON_ROWS, PERSON_ROWS_AT_ONCE
from workspaces.store.flags import save_findings
from workspaces.store.groups import set_group
from workspaces.store.lead_messages import send
from workspaces.store.own_answers import save_link
from workspaces.workspace import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.chatfeedback.web.browser import Browser
    from workspaces.workspace import Workspace

UNTIL_PLATFORMS_LET_GO = {"dispute", "giver_link", "takeback"}
"""What the rest of the deletion works with. Any other table that names a person is emptied of them at once."""


def leave_rows(workspace: Workspace, person_id: str) -> None:
    """Put a row of the person into every table that is emptied at once."""
    now = utc_now()
    steps.set_person(workspace, person_id, name=f"Name of {person_id}")
    with workspace.store.write() as connection:
        save_findings(connection, [(person_id, "haste", {"share": 0.5}, 9)], now)
        set_group(connection, person_id, "some", now)
        send(connection, {person_id}, "for you alone", now)
        name = f"chat of {person_id}"
        keep_exchange(
            connection, Exchange(f"hold/{person_id}", person_id, name, "p", "r", "m", '"a secret"', now)
        )
        keep_private(connection, person_id, f"private {name}")
        keep_choice(connection, Choice(f"c{person_id}"[:24], person_id, name, "[]", now))


def rows_at_once(workspace: Workspace, person_id: str) -> dict[str, int]:
    with workspace.store.read() as connection:
        return {
            table.name: connection.execute(
                sa.select(sa.func.count()).select_from(table).where(table.c[column] == person_id)
            ).scalar_one()
            for table, column in PERSON_ROWS_AT_ONCE
        }


def by_the_person(workspace: Workspace, person_id: str) -> None:
    assert steps.forget_everywhere(workspace, person_id)[1] is not None


def by_the_lead(workspace: Workspace, person_id: str) -> None:
    with pytest.raises(WorkbenchError):
        steps.forget_person(workspace, person_id, by="lead")


@pytest.mark.parametrize("forget", [by_the_person, by_the_lead])
def test_nothing_that_needs_no_platform_waits_for_one(
    browser: Browser,
    ada: str,
    bo: str,
    forget: Callable[[Workspace, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, client, key = browser.workspace, browser.signed_in(ada), make_chat_key(browser.workspace, ada)
    others = browser.signed_in(bo)
    leave_rows(workspace, ada)
    assert all(rows_at_once(workspace, ada).values()), "the test leaves a row in each of them"
    forget(workspace, ada)
    assert not any(rows_at_once(workspace, ada).values())
    assert client.get("/me").status_code == 303
    assert person_of_key(workspace, key) is None
    assert steps.collect_chats(workspace).outcomes == {}
    with pytest.raises(UsageError, match="about to be forgotten"):
        steps.make_sign_in_link(workspace, ada, timedelta(hours=1))
    with pytest.raises(UsageError, match="about to be forgotten"):
        make_chat_key(workspace, ada)
    assert others.get("/me").status_code == 200

    again = steps.find_person(workspace, email("Ada"))
    assert again == ada, (
        "until it is complete, the person is found under their name, so that it can be finished"
    )
    monkeypatch.setattr(deletion, "platforms_in_use", lambda _: [])
    monkeypatch.setattr(deletion, "withdraw_tasks", lambda _: None)
    monkeypatch.setattr(deletion, "keep_boards", lambda _: None)
    receipts, failure = steps.forget_everywhere(workspace, again)
    assert failure is None
    assert len(receipts) == 1
    removed = receipts[0]["removed"]["store"]
    assert {name: removed[name] for name in ("chat_key", "chat_exchange", "web_session", "identities")} == {
        "chat_key": 1, "chat_exchange": 1, "web_session": 1, "identities": 1,
    }  # fmt: skip


def test_whoever_is_linked_is_out_before_a_platform_is_asked_about_anybody(
    browser: Browser, ada: str, bo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, asked = browser.workspace, list[dict[str, int]]()
    client = browser.signed_in(ada)
    with workspace.store.write() as connection:
        save_link(connection, ada, bo, utc_now())
    for each in (ada, bo):
        leave_rows(workspace, each)

    def silent(_: Workspace) -> None:
        asked.extend(rows_at_once(workspace, each) for each in (ada, bo))
        raise WorkbenchError("it does not answer")

    monkeypatch.setattr(deletion, "withdraw_tasks", silent)
    receipts, failure = steps.forget_everywhere(workspace, ada)
    assert failure is not None
    assert {each["person"] for each in receipts} == {ada, bo}
    assert asked
    assert not any(count for counts in asked for count in counts.values())
    assert client.get("/me").status_code == 303
    assert {each["person"] for each in steps.forget_everywhere(workspace, ada)[0]} == {ada, bo}


def test_every_table_that_names_a_person_is_emptied_at_once_or_needed_to_finish() -> None:
    later = {table.name for table, _ in PERSON_ROWS} - {table.name for table, _ in PERSON_ROWS_AT_ONCE}
    assert later == UNTIL_PLATFORMS_LET_GO


def test_an_answer_that_ends_after_its_person_asked_to_be_forgotten_is_not_kept(
    browser: Browser, ada: str
) -> None:
    """The capture asks ``is_person`` in its transaction."""
    from workspaces.store.identities import is_known, is_person

    workspace = browser.workspace
    by_the_person(workspace, ada)
    with workspace.store.read() as connection:
        assert is_known(connection, ada)
        assert not is_person(connection, ada)
        assert connection.execute(sa.select(chat_exchange.c.hold_id)).first() is None
