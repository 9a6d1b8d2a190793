"""Every CSV file that the workbench writes shows texts and evaluates none."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from chatfeedback import steps
from reward_engine import adjust
from tests.sample_records import NOW
from workspaces.csv_cells import harmless

if TYPE_CHECKING:
    from pathlib import Path

    from workspaces.workspace import Workspace

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_begins_like_a_formula_is_shown_as_text(text: str) -> None:
    assert harmless(text) == f"'{text}".replace("\r", "\n")


@pytest.mark.parametrize("value", ["a=1", "", "1 - 2", -5, 1.5, None, True])
def test_anything_else_stays_as_it_is(value: object) -> None:
    assert harmless(value) is value


def test_a_reason_in_the_ledger_is_no_formula_in_any_file(workspace: Workspace, tmp_path: Path) -> None:
    for number, text in enumerate([*FORMULAS, "why\r=1", "why\r\n=1"]):
        with workspace.store.write() as connection:
            adjust(connection, "p", -5 - number, reason=text, author="lead", rules_version="1", now=NOW)
    _, (table, _) = steps.export_entries(workspace, tmp_path / "ledger")
    steps.export_person(workspace, "p", tmp_path / "person")
    for path in (table, *(tmp_path / "person").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                bad = [
                    cell
                    for cell in row
                    if cell[:1] in tuple("=+@\t\r＝") or (cell.startswith("-") and not is_number(cell))
                ]
                assert bad == []


def is_number(cell: str) -> bool:
    return cell[1:].replace(".", "", 1).isdigit()
