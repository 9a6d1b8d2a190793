"""Long lists: so many rows and how to see the rest, the same in every command; JSON is whole or says of how many."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from chatfeedback.cli import app
from chatfeedback.cli.listing import ROWS, as_json, part_of
from reward_engine.accounts import credit
from reward_engine.ledger import Posting, post
from tests.sample_records import NOW, minutes
from workspaces.records import SharingState
from workspaces.store import omissions
from workspaces.store.consent import record_events
from workspaces.store.members import MemberStatus, admit
from workspaces.store.omissions import Omission

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

MANY = ROWS + 7


@given(items=st.lists(st.integers()), limit=st.none() | st.integers(1, 50), newest_last=st.booleans())
def test_a_part_and_how_many_there_are_tell_what_is_missing(
    items: list[int], limit: int | None, newest_last: bool
) -> None:
    part = part_of(items, limit, newest_last=newest_last)
    assert len(part) == min(len(items), limit or len(items))
    assert list(part) == (items[len(items) - len(part) :] if newest_last else items[: len(part)])
    said = as_json("rows", items, limit, newest_last=newest_last)
    assert said.get("of", len(part)) == len(items)
    assert ("of" in said) == (len(part) < len(items))


@pytest.fixture
def full(workspace: Workspace) -> Workspace:
    """A workspace in which every list is longer than what is shown at once."""
    named = workspace.pseudonyms.on_platform("argilla")
    people = [named(f"p{number:02}@example.org") for number in range(MANY)]
    with workspace.store.write() as connection:
        record_events(
            connection, {f"chat-{n:02}": "lead" for n in range(MANY)}, SharingState.SHARED, NOW, None
        )
        omissions.save(
            connection, "a.jsonl", [Omission("unread", f"column {n:02}", 1) for n in range(MANY)], NOW
        )
        admit(connection, people, "argilla", MemberStatus.INVITED, NOW)
        for number in range(MANY):  # one person has them all, everybody has one
            for place, person in enumerate({people[0], people[number]}):
                gift = Posting(f"k{number}-{place}", credit(person, 1), "a gift", "1", minutes(number))
                post(connection, [gift], NOW)
    return workspace


def run(workspace: Workspace, *arguments: str) -> str:
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.path)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


LISTS = [
    (("consent", "history"), "events"),
    (("collection", "omissions"), "left_out"),
    (("people", "list"), "people"),
    (("leaderboard",), "leaderboard"),
    (("wallet", "p00@example.org"), "movements"),
    (("wallet", "p00@example.org", "--explain"), "movements"),
]


@pytest.mark.parametrize(("command", "name"), LISTS)
def test_a_long_list_shows_a_part_and_how_to_see_the_rest(
    full: Workspace, command: tuple[str, ...], name: str
) -> None:
    shown = run(full, *command)
    assert f"{ROWS} of {MANY}" in shown
    assert "--all" in shown
    assert f" of {MANY}:" not in run(full, *command, "--all")
    assert f"5 of {MANY}" in run(full, *command, "--limit", "5")
    whole: dict[str, Any] = json.loads(run(full, *command, "--json"))
    part: dict[str, Any] = json.loads(run(full, *command, "--json", "--limit", "5"))
    assert len(whole[name]) == MANY
    assert "of" not in whole
    assert (len(part[name]), part["of"]) == (5, MANY)
    assert part[name] in (whole[name][:5], whole[name][-5:])


def test_of_what_happened_the_newest_is_shown(full: Workspace) -> None:
    shown = run(full, "consent", "history")
    assert f"chat-{MANY - 1:02}" in shown
    assert "chat-00" not in shown
