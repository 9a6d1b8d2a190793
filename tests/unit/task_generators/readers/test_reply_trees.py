"""What one tree of an export's messages is, and which rows of a file without ids are one chat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_generators.chat_logs.readers import ROWS, RowError
from task_generators.chat_logs.readers.reply_trees import Node, branches
from task_generators.chat_logs.sources import Row
from task_generators.chat_logs.sources.grouping import in_stretches
from tests.examples import examples
from workspaces.records import Role, tree_order


def said(key: str, parent: str | None, role: str = "assistant", **turn: object) -> Node:
    return Node(key, parent, {"role": role, "content": f"text of {key}", **turn})


@given(st.lists(st.integers(-1, 12), min_size=1, max_size=12), st.randoms(use_true_random=False))
@examples(60)
def test_any_nodes_are_one_tree_in_any_order_and_each_text_is_in_it_once(parents, random) -> None:  # type: ignore[no-untyped-def]
    nodes = [
        said(str(index), None if parent < 0 or parent >= index else str(parent))
        for index, parent in enumerate(parents)
    ]
    tree = branches("c", nodes)
    assert len(tree_order(tree.messages)) == len(tree.messages)
    assert sorted(message.content for message in tree.messages if message.content) == sorted(
        f"text of {node.key}" for node in nodes
    )
    random.shuffle(nodes)
    assert branches("c", nodes).messages == tree.messages


def test_several_beginnings_follow_an_empty_message() -> None:
    tree = branches("c", [said("a", None, "user"), said("b", "gone", "user"), said("d", "b")])
    assert [(message.id, message.parent_id) for message in tree.messages] == [
        ("c#root", None),
        ("c#a", "c#root"),
        ("c#b", "c#root"),
        ("c#d", "c#b"),
    ]
    assert tree.messages[0].role is Role.SYSTEM


def test_reasoning_in_a_node_of_its_own_is_that_of_the_only_answer_below_it() -> None:
    thought = Node("t", "a", {"role": "assistant", "content": "", "reasoning": "hm"})
    tree = branches("c", [said("a", None, "user"), thought, said("b", "t")])
    assert [(message.content, message.reasoning) for message in tree.messages[1:]] == [("text of b", "hm")]
    assert tree.responses["b"] == "c#t"
    two = branches("c", [said("a", None, "user"), thought, said("b", "t"), said("d", "t")])
    assert len(two.messages) == 4


def test_an_end_that_holds_nothing_is_cut_and_counted_and_a_circle_is_rejected() -> None:
    empty = Node("b", "a", {"role": "assistant", "content": ""})
    tree = branches("c", [said("a", None, "user"), empty])
    assert len(tree.messages) == 1
    assert [loss.kind for loss in tree.losses] == ["cut"]
    with pytest.raises(RowError, match="descendant"):
        branches("c", [said("a", "b"), said("b", "a")])


def test_rows_without_ids_are_one_chat_from_one_header_to_the_next() -> None:
    rows = [Row(number, {"head": number in (1, 4)}) for number in (1, 2, 4, 5, 6)]
    rows.insert(2, Row(3, None, "not JSON"))
    found = list(in_stretches(rows, lambda row: bool(row["head"])))
    assert [(row.number, row.numbers, row.problem) for row in found] == [
        (3, (), "not JSON"),
        (1, (1, 2), None),
        (4, (4, 5, 6), None),
    ]
    assert [len(row.value[ROWS]) for row in found if row.value] == [2, 3]  # type: ignore[arg-type]
