"""Pictures in the card, and what the EU's summary of training content asks for: from what was counted, nothing else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

import exports
from exports import projection_of
from exports.pictures import LENGTHS, columns, picture_of_agreement, picture_of_lengths
from exports.training_content import EMPTY, FILE
from exports.verification import verify
from tests.unit.exports.export_records import NOW, World
from workspaces.records import IMPORTED, SharingState

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"
SECTIONS = (
    *("Version of the Summary", "Last update", "1. General information"),
    *("1.1 Provider identification", "Provider name and contact details"),
    *("Authorised representative name and contact details", "1.2 Model identification", "Versioned model name(s)"),
    *("Model dependencies", "Date of placement of the model on the Union market"),
    *("1.3 Modalities, overall training data size and other characteristics", "Modality", "Training data size"),
    *("Types of content", "Latest date of data acquisition/collection for model training"),
    *("Description of the linguistic characteristics of the overall training data",),
    *("Other relevant characteristics of the overall training data", "2. List of data sources"),
    *("2.1 Publicly available datasets", "List of large publicly available datasets"),
    *("General description of other publicly available datasets not listed above",),
    *("2.2 Private non-publicly available datasets obtained from third parties",),
    *("2.2.1 Datasets commercially licensed by rightsholders or their representatives",),
    *("2.2.2 Private datasets obtained from other third parties",),
    *("2.3 Data crawled and scraped from online sources", "2.4 User data", "2.5 Synthetic data"),
    *("2.6 Other sources of data", "3. Data processing aspects"),
    *("3.1 Respect of reservation of rights from text and data mining exception or limitation",),
    *("3.2 Removal of illegal content", "General description of measures taken", "3.3 Other information"),
)  # fmt: skip
"""Names of the template, in its order, as published summaries show them (Apertus, SmolLM3)."""


def heights(svg: str) -> dict[str, float]:
    """Return the height of each column by its title."""
    return {
        str(rect.findtext(f"{SVG}title")): float(rect.attrib["height"])
        for rect in ET.fromstring(svg).iter(f"{SVG}rect")  # noqa: S314
        if rect.find(f"{SVG}title") is not None
    }


def world() -> World:
    made = World()
    for number in range(6):
        task = made.task(*made.chat(f"q{number}", "short", "long " * 60, licence="mit"))
        made.votes(task, "aab" if number else "b")
    log = made.task(*made.chat("logged <b>|", "one", "two", licence="cc0-1.0"))
    made.tasks[log] = replace(made.tasks[log], platform=IMPORTED)
    made.votes(log, "a")
    return made


def test_columns_are_as_high_as_what_they_count() -> None:
    found = heights(columns("a & b", {"x": {"one": 4, "two": 1}, "<y>": {"one": 0, "two": 2}}).svg)
    highest = max(found.values())
    assert {name: height / highest for name, height in found.items()} == pytest.approx(
        {"x, one: 4": 1, "x, two: 1": 0.25, "<y>, one: 0": 0, "<y>, two: 2": 0.5}, abs=0.01
    )
    assert heights(columns("nothing", {"x": {"one": 0}}).svg) == {"x, one: 0": 0}


def test_every_share_and_every_length_is_in_one_column() -> None:
    shares = heights(picture_of_agreement(Counter([0.2, 0.5, 2 / 3, 0.67, 0.75, 0.99, 1.0]), "pairs").svg)
    assert [title.rsplit(" ", 1)[1] for title in shares] == ["2", "1", "2", "1", "1"]
    lengths = heights(picture_of_lengths({"all": Counter([0, *LENGTHS, 99])}, "Texts").svg)
    assert [title.rsplit(" ", 1)[1] for title in lengths] == ["2", "1", "1", "1", "1", "1"]


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("dpo", {"agreement.svg", "lengths.svg"}), ("kto", {"labels.svg", "agreement.svg", "lengths.svg"})],
)
def test_a_card_shows_pictures_that_are_files_of_the_export(
    tmp_path: Path, name: str, pictures: set[str]
) -> None:
    folder = tmp_path / name
    exports.export(folder, projection_of(name), world().evidence(), ledger_tip=None, created_at=NOW)
    card = (folder / "README.md").read_text("utf-8")
    assert set(re.findall(r"!\[[^]]+\]\(([a-z.]+)\)", card)) == pictures
    assert {path.name for path in folder.glob("*.svg")} == pictures
    assert verify(folder).problems == ()
    told = heights((folder / "lengths.svg").read_text("utf-8"))
    assert "chosen, < 100: 6" in told or name == "kto"
    (folder / "agreement.svg").write_text("<svg/>", "utf-8")
    assert verify(folder).problems


def test_the_summary_holds_every_section_what_was_counted_and_no_guess(tmp_path: Path) -> None:
    evidence = replace(
        world().evidence(),
        languages={"c0": "en", "c1": "de"},
        states={"gone": SharingState.PRIVATE},
    )
    exports.export(tmp_path / "out", projection_of("dpo"), evidence, ledger_tip=None, created_at=NOW)
    said = (tmp_path / "out" / FILE).read_text("utf-8")
    assert FILE in (tmp_path / "out" / "README.md").read_text("utf-8")
    places = [said.index(section) for section in SECTIONS]
    assert places == sorted(places)
    assert said.count(EMPTY) == 19
    for line in (
        "less than 1 billion tokens, whatever the tokenizer (7 items;",
        "05/2026, of the latest judgment",
        "| unknown | 5 |",
        "| de | 1 |",
        "| test logs | 7 | 100.0% |",
        "| MIT | 6 |",
        "| model-0 | 7 |",
        "| comparison of two responses | 16 | 1 |",
        "1 private.",
    ):
        assert line in said


def test_the_share_of_a_source_is_that_of_the_rows_which_hold_it(tmp_path: Path) -> None:
    """Two logs have each response: what is judged in both is a row of two sources."""
    made = World()
    for person, (prompt, log) in enumerate((("q", "one log"), ("q", "another log"), ("r", "one log"))):
        task = made.task(*made.chat(prompt, "good", "bad"))
        made.conversations[-1] = replace(made.conversations[-1], source=log)
        made.answer(task, f"p{person}", preference="a")
    exports.export(tmp_path / "out", projection_of("dpo"), made.evidence(), ledger_tip=None, created_at=NOW)
    said = (tmp_path / "out" / FILE).read_text("utf-8")
    assert "| one log | 2 | 100.0% |" in said
    assert "| another log | 1 | 50.0% |" in said
