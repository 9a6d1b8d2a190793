"""Messages from the lead in the store: once each, read by their person alone, gone with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workspaces.store.erasure import PERSON_ROWS, erase_rows
from workspaces.store.lead_messages import (
    move_messages,
    note_read,
    people_with_access,
    send,
    sent_messages,
    take_back_message,
    unread_by_person,
    unread_messages,
)
from workspaces.store.members import MemberStatus, admit, bar, note_revoked
from workspaces.store.person_rows import history_of, rows_about

if TYPE_CHECKING:
    from workspaces.store import Store

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_message_reaches_each_once_is_read_by_its_person_alone_and_goes_with_them(store: Store) -> None:
    with store.write() as connection:
        assert send(connection, {"ada", "bo"}, "Hello", NOW) == set()
        assert send(connection, {"ada", "bo", "cy"}, "Hello", NOW + timedelta(1)) == {"ada", "bo"}
        send(connection, {"ada"}, "Just you", NOW + timedelta(2))
    with store.read() as connection:
        mine = unread_messages(connection, "ada")
        assert [each.text for each in mine] == ["Hello", "Just you"]
        assert mine[0].sent_at == NOW
        hello, just = mine[0].message_id, mine[1].message_id
    with store.write() as connection:
        assert not note_read(connection, "bo", just, NOW)
        assert note_read(connection, "ada", hello, NOW)
        assert not note_read(connection, "ada", hello, NOW)
        send(connection, {"ada"}, "Hello", NOW)
        assert [each.text for each in unread_messages(connection, "ada")] == ["Just you"]
        assert unread_by_person(connection) == {
            "ada": frozenset({just}),
            "bo": frozenset({hello}),
            "cy": frozenset({hello}),
        }
        sent = sent_messages(connection)
        assert [(each.text, each.people, each.read) for each in sent] == [("Just you", 1, 0), ("Hello", 3, 1)]
        assert sent[1].first_sent_at == NOW
        assert {row["text"] for row in rows_about(connection, "ada")["lead_message"]} == {"Hello", "Just you"}
        assert erase_rows(connection, PERSON_ROWS, {"ada"}) == {"lead_message": 2}
        assert [each.message_id for each in sent_messages(connection)] == [hello]
        assert take_back_message(connection, hello) == 2
        assert sent_messages(connection) == []


def test_a_message_moves_with_an_account_and_is_no_history(store: Store) -> None:
    with store.write() as connection:
        send(connection, {"second", "first"}, "Both", NOW)
        send(connection, {"second"}, "Second", NOW)
        assert history_of(connection, "second") == []
        move_messages(connection, "second", "first")
        assert [each.text for each in unread_messages(connection, "first")].count("Both") == 1
        assert len(unread_messages(connection, "first")) == 2
        assert unread_messages(connection, "second") == []


def test_everybody_is_who_has_access_and_counts(store: Store) -> None:
    with store.write() as connection:
        admit(connection, ["in", "gone", "half", "barred"], "argilla", MemberStatus.INVITED, NOW)
        admit(connection, ["half"], "label_studio", MemberStatus.ACCEPTED, NOW)
        admit(connection, ["stranger"], "argilla", MemberStatus.STRANGER, NOW)
        note_revoked(connection, "gone", "argilla", NOW)
        note_revoked(connection, "half", "argilla", NOW)
        bar(connection, "barred", ["argilla"], NOW, "lead")
        assert people_with_access(connection) == {"in", "half"}
