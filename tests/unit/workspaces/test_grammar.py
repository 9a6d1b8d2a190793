"""Nouns and verbs agree with their number, in every sentence of the project that counts something."""

from __future__ import annotations

import ast
from itertools import pairwise

import pytest

from tests.counted_words import PLURALS, ROOT, SOURCES, disagreements
from workspaces.grammar import counted, noun_for, word_for


@pytest.mark.parametrize(
    ("count", "noun", "many", "shown"),
    [
        (0, "answer", None, "0 answers"),
        (1, "answer", None, "1 answer"),
        (2, "answer", None, "2 answers"),
        (1024, "accepted answer", None, "1,024 accepted answers"),
        (1, "person", None, "1 person"),
        (2, "person", None, "2 people"),
        (2, "entry", None, "2 entries"),
        (2, "day", None, "2 days"),
        (2, "box", None, "2 boxes"),
        (2, "answer in force", "answers in force", "2 answers in force"),
    ],
)
def test_a_noun_has_the_form_of_its_number(count: int, noun: str, many: str | None, shown: str) -> None:
    assert counted(count, noun, many) == shown
    assert shown.endswith(noun_for(count, noun, many))


def test_a_verb_has_the_form_of_its_number() -> None:
    assert [word_for(count, "is", "are") for count in (0, 1, 2)] == ["are", "is", "are"]


def test_the_checker_finds_what_disagrees_and_nothing_else() -> None:
    wrong = (
        "1 answers",
        "0 answer of 3 people",
        "2 person",
        "1 open tasks",
        "1 task are left",
        "2 tasks is left",
    )
    for text in wrong:
        assert disagreements(text), text
    right = "0 answers, 1 answer, 2 answers, 1 open task, 1 of 2 people is, level 1: answers; 21 tasks are, v1 tasks"
    assert not disagreements(right)


def test_no_sentence_puts_a_number_before_a_noun_of_fixed_form() -> None:
    """Such as f"{n:,} answers", which is wrong for 1: ``counted`` writes both."""
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for value, after in pairwise(node.values):
                if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
                    said = str(after.value)
                    words = [word.strip(".,;:)") for word in said.split()[:2]] if said.startswith(" ") else []
                    if _is_number(value) and not PLURALS.isdisjoint(words):
                        place = f"{path.relative_to(ROOT)}, line {node.lineno}"
                        wrong.append(f"{place}: {{{ast.unparse(value.value)}}}{said[:30]}")
    assert not wrong, "write counted(n, noun) of workspaces/grammar.py"


def _is_number(value: ast.FormattedValue) -> bool:
    """Return whether a placeholder shows a whole number that is not a constant."""
    inner = value.value
    if isinstance(inner, ast.Name | ast.Attribute) and ast.unparse(inner).rpartition(".")[2].isupper():
        return False
    if value.format_spec is not None:
        return ast.unparse(value.format_spec) in ("f','", "f'+,'", "f'd'")
    if isinstance(inner, ast.Name | ast.Attribute):
        return ast.unparse(inner).rpartition(".")[2].startswith("n_")
    return ast.unparse(inner).startswith("len(")
