"""No table breaks a word, so that ids and addresses can be copied, however narrow the screen is."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from chatfeedback.cli import output
from chatfeedback.cli.tables import GAP, Column, rendered

if TYPE_CHECKING:
    import pytest

WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
CELL = st.lists(WORD, max_size=5).map(" ".join)
NUMBERED = re.compile(r"[│┃┏┓┡┩└┘━┳╇┴─]+")


def words_of(text: str) -> list[str]:
    return NUMBERED.sub(" ", text).split()


def shown(columns: list[Column], rows: list[list[str]], width: int) -> str:
    console = Console(width=width, file=io.StringIO(), highlight=False, color_system=None)
    for part in rendered(columns, rows, width):
        console.print(part, soft_wrap=True)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


@given(st.data(), st.integers(1, 7), st.integers(20, 140))
def test_every_word_stands_whole_at_every_width(data: st.DataObject, n_columns: int, width: int) -> None:
    columns = [Column(name) for name in data.draw(st.lists(CELL, min_size=n_columns, max_size=n_columns))]
    row = st.lists(CELL, min_size=n_columns, max_size=n_columns)
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    text = shown(columns, rows, width)
    wanted = [
        word
        for cell in (*(each.heading for each in columns), *(c for r in rows for c in r))
        for word in cell.split()
    ]
    assert sorted(words_of(text)) == sorted(word for each in wanted for word in words_of(each))
    longest = [
        max(
            [
                1,
                *(
                    len(word)
                    for cell in (column.heading, *(row[place] for row in rows))
                    for word in cell.split()
                ),
            ]
        )
        for place, column in enumerate(columns)
    ]
    if sum(longest) + GAP * (n_columns - 1) <= width:
        assert max(map(len, text.splitlines())) <= width


def test_a_text_without_spaces_folds_where_its_script_needs_none() -> None:
    text = shown([Column("topic")], [["存三年的例子算给我看" * 8]], 40)
    assert max(map(len, text.splitlines())) <= 40


def test_a_table_without_rows_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    output.table("People", ["person", "points"], [])
    assert capsys.readouterr().out == "People\n(none)\n"
