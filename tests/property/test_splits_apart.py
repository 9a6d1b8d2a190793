"""What holds for splits by people and by time, however the data grow; and for every row that is trained on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exports import projection_of
from exports.choosing import EVERYTHING
from exports.context import canonical
from exports.order import spread
from exports.selections import select_completions, select_pairs
from exports.sides import apart, assigned, side_of
from exports.splits import SplitItem
from exports.verdicts import RewriteOutcomes
from reward_engine.acceptance import tally
from tests.unit.exports.export_records import NOW, World
from workspaces.records import IMPORTED, Conversation, Message, Role

if TYPE_CHECKING:
    from exports import Evidence
    from exports.pairs import PreferencePair
    from workspaces.config.exports import ExportsConfig

CHECK = "suggestion_check"
DAY = NOW.date() + timedelta(days=3)
NEAR = st.sampled_from([None, "n1", "n2"])
CHATS = st.lists(
    st.tuples(st.sampled_from(["why?", "how?", "what?", "who?", "??"]), NEAR), min_size=1, max_size=6
)
ANSWERS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.sampled_from("abt"), st.integers(0, 6)), max_size=14
)


def evidence_of(chats: list[tuple[str, str | None]], answers: list[tuple[int, int, str, int]]) -> Evidence:
    """Return a world in which each chat has one task, of the day of its first answer in the list."""
    made = World()
    shown = [made.chat(prompt, f"one {place}", f"two {place}") for place, (prompt, _) in enumerate(chats)]
    tasks: dict[int, str] = {}
    for chat, person, vote, day in answers:
        place = chat % len(chats)
        if place not in tasks:
            tasks[place] = made.task(*shown[place])
            task = made.tasks[tasks[place]]
            made.tasks[task.id] = replace(task, created_at=NOW + timedelta(days=day))
        made.answer(tasks[place], f"p{person}", preference={"t": "tie"}.get(vote, vote))
    groups = {f"c{place}": group for place, (_, group) in enumerate(chats) if group is not None}
    return replace(made.evidence(), near_duplicates=groups)


def divided(evidence: Evidence, rules: ExportsConfig) -> tuple[list[PreferencePair], dict[str, str]]:
    """Return the pairs of an export, and the side of each."""
    pairs = [*select_pairs(apart(rules, evidence, 0.5)).items]
    groups = evidence.near_duplicates
    items = [
        SplitItem(
            it.id,
            it.conversation_ids,
            it.prompt,
            tuple(groups[n] for n in it.conversation_ids if n in groups),
        )
        for it in pairs
    ]
    return pairs, assigned(items, rules, evidence, 0.5)


@given(CHATS, ANSWERS, st.floats(0.05, 0.95), st.booleans())
def test_no_person_and_no_group_is_on_both_sides(
    chats: list[tuple[str, str | None]], answers: list[tuple[int, int, str, int]], share: float, by_day: bool
) -> None:
    evidence = evidence_of(chats, answers)
    rules = EVERYTHING.model_copy(update={"test_people": share, "test_from": DAY if by_day else None})
    pairs, sides = divided(evidence, rules)
    for one in pairs:
        assert {side_of(person, share) for person in one.person_ids} == {sides[one.id]}
        near = {evidence.near_duplicates.get(name) for name in one.conversation_ids} - {None}
        for two in pairs:
            near_two = {evidence.near_duplicates.get(name) for name in two.conversation_ids} - {None}
            if near & near_two or one.prompt == two.prompt:
                assert sides[one.id] == sides[two.id]
    used = {it.annotation_id for pair in pairs for it in pair.judgments}
    aside = apart(rules, evidence, 0.5).set_aside
    assert not used & aside.keys()


@given(st.lists(st.tuples(st.integers(0, 19), st.sampled_from(["a", "b", "tie"])), max_size=12))
def test_a_rewrite_is_in_rows_by_the_votes_of_its_side_alone(votes: list[tuple[int, str]]) -> None:
    made = World()
    response, other = made.chat("q", "one", "two")
    (chat,) = made.conversations
    written = Message("w", "c0u", Role.ASSISTANT, "A rewrite.", rewrite_of=response)
    made.conversations = [replace(chat, messages=(*chat.messages, written))]
    judged, compared = (
        made.task("w", it, kind=kind) for it, kind in ((response, CHECK), (other, "preference"))
    )
    rules = EVERYTHING.model_copy(update={"test_people": 0.5})
    (side,) = {*assigned((), rules, made.evidence(), 0.5).values()}
    of_side = [name for number in range(20) if side_of(name := f"p{number}", 0.5) == side]
    last = {f"p{person}": vote for person, vote in votes}
    for person, vote in votes:
        made.answer(judged, f"p{person}", suggestion_check=vote)
    made.answer(compared, of_side[0], preference="a")
    of = tally(made.annotations, made.tasks, frozenset({"w"}))["w"].outcome(2)
    evidence = replace(made.evidence(), outcomes=RewriteOutcomes({"w": of}, needed={"w": 2}))
    pairs, _ = divided(evidence, rules)
    theirs = [last[name] for name in of_side if name in last]
    accepted = theirs.count("a") >= 2 and 2 * theirs.count("a") > len(theirs)
    assert len(pairs) == 2 * accepted


@given(CHATS, ANSWERS)
def test_what_was_asked_before_the_day_is_never_tested_on(
    chats: list[tuple[str, str | None]], answers: list[tuple[int, int, str, int]]
) -> None:
    evidence = evidence_of(chats, answers)
    pairs, sides = divided(evidence, EVERYTHING.model_copy(update={"test_from": DAY}))
    for pair in pairs:
        days = [evidence.tasks[vote.task_id].created_at.date() for vote in pair.votes]
        if min(days) < DAY:
            assert sides[pair.id] == "train"


def test_judgments_of_a_log_are_of_the_day_on_which_people_judged_whenever_it_was_read() -> None:
    made = World()
    for days in (1, 9):
        task = made.task(*made.chat(f"q{days}", "one", "two"))
        read = replace(made.tasks[task], platform=IMPORTED, created_at=NOW + timedelta(days=20))
        made.tasks[task] = read
        made.answer(task, "p0", preference="a")
        made.annotations[-1] = replace(made.annotations[-1], updated_at=NOW + timedelta(days=days))
    pairs, sides = divided(made.evidence(), EVERYTHING.model_copy(update={"test_from": DAY}))
    assert {pair.prompt[0][1]: sides[pair.id] for pair in pairs} == {"q1": "train", "q9": "test"}


@given(CHATS, ANSWERS, ANSWERS, st.sampled_from([None, DAY]))
def test_later_answers_move_no_group_to_the_other_side(
    chats: list[tuple[str, str | None]],
    before: list[tuple[int, int, str, int]],
    after: list[tuple[int, int, str, int]],
    start: date | None,
) -> None:
    """Answers to tasks that are there already; a task about a near copy made on an earlier day would link groups."""
    asked = {chat % len(chats) for chat, *_ in before}
    later = [it for it in after if it[0] % len(chats) in asked]
    rules = EVERYTHING.model_copy(update={"test_people": 0.4, "test_from": start})
    first, sides = divided(evidence_of(chats, before), rules)
    _, then = divided(evidence_of(chats, [*before, *later]), rules)
    assert all(then.get(pair.id, sides[pair.id]) == sides[pair.id] for pair in first)


BRANCHES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=12)


@given(
    st.lists(st.tuples(*[st.sampled_from(["why?", "how?", "what?", "who?"])] * 3), min_size=4, max_size=4),
    BRANCHES,
    BRANCHES,
)
def test_no_row_changes_sides_where_a_chat_has_several_openings(
    chats: list[tuple[str, str, str]],
    before: list[tuple[int, int, bool]],
    after: list[tuple[int, int, bool]],
) -> None:
    """The first prompt of a chat was rewritten: whichever of its openings people judged, and in whichever export."""

    def sides(given: list[tuple[int, int, bool]]) -> dict[str, str]:
        made = World()
        for chat, prompts in enumerate(chats):
            root = Message(f"c{chat}s", None, Role.SYSTEM, "")
            turns = [Message(f"c{chat}u{n}", root.id, Role.USER, text) for n, text in enumerate(prompts)]
            said = [
                Message(f"{it.id}r{n}", it.id, Role.ASSISTANT, f"{chat} {n}") for it in turns for n in (1, 2)
            ]
            made.conversations.append(Conversation(f"c{chat}", (root, *turns, *said), source="any"))
        for chat, opening, compared in given:
            asked = f"c{chat}u{opening}"
            if compared:
                made.answer(made.task(f"{asked}r1", f"{asked}r2"), "p0", preference="a")
            else:
                made.answer(made.task(f"{asked}r1"), "p0", instruction="yes", helpful="yes")
        evidence = made.evidence()
        found: dict[str, str] = {}
        for select in (select_pairs, select_completions):
            items = [*select(evidence).items]
            asked_of = [SplitItem(it.id, it.conversation_ids, it.prompt) for it in items]
            split = assigned(asked_of, EVERYTHING, evidence, 0.5)
            for it in items:
                for name in it.conversation_ids:
                    assert found.setdefault(name, split[it.id]) == split[it.id]
        return found

    first, then = sides(before), sides([*before, *after])
    assert all(then.get(name, side) == side for name, side in first.items())


@given(
    st.lists(st.tuples(*[st.sampled_from("uvwxyz")] * 3), min_size=1, max_size=4),
    st.sets(st.integers(0, 7)),
    st.sets(st.integers(0, 7)),
    st.sampled_from([0, 0.4]),
)
def test_answers_about_another_beginning_of_a_chat_move_no_group(
    chats: list[tuple[str, str, str]], before: set[int], after: set[int], test_people: float
) -> None:
    """Chats of two beginnings, as where a first prompt was rewritten, the second of which a third chat may share."""

    def evidence_of_beginnings(answered: set[int]) -> Evidence:
        made = World()
        shown = [made.beginnings(one, other) for one, other, _ in chats]
        shown += [made.beginnings(last) for *_, last in chats]
        for number, pair in enumerate(pair for pairs in shown for pair in pairs):
            task = made.task(*pair)
            if number in answered:
                made.answer(task, f"p{number % 3}", preference="a")
        return made.evidence()

    rules = EVERYTHING.model_copy(update={"test_people": test_people})
    first, sides = divided(evidence_of_beginnings(before), rules)
    _, then = divided(evidence_of_beginnings(before | after), rules)
    assert all(then.get(pair.id, sides[pair.id]) == sides[pair.id] for pair in first)


@given(CHATS, ANSWERS)
def test_rows_have_two_sides_a_prompt_and_text_everywhere_and_labels_are_mixed(
    chats: list[tuple[str, str | None]], answers: list[tuple[int, int, str, int]]
) -> None:
    evidence = evidence_of(chats, answers)
    for name in ("dpo", "implicit", "reward"):
        table = projection_of(name).training_table
        for item in filter(table.accepts, projection_of(name).select(evidence).items):
            for row in table.rows(item):
                assert row["chosen"] != row["rejected"]
                for key in {"prompt", "chosen", "rejected"} & row.keys():
                    turns = row[key]
                    assert isinstance(turns, list)
                    assert turns
                    assert all(isinstance(turn, dict) and turn["content"] for turn in turns)


@given(st.lists(st.booleans(), min_size=12, max_size=40))
def test_a_kto_file_is_not_sorted_by_label(labels: list[bool]) -> None:
    made = World()
    for number, label in enumerate(labels):
        said = "yes" if label else "no"
        made.answer(made.task(*made.chat(f"q{number}", "x")), "p0", instruction="yes", helpful=said)
    rows = {row.id: row for row in select_completions(made.evidence()).items}
    order = spread({name: canonical(row.prompt) for name, row in rows.items()})
    wanted = [rows[name].label for name in order]
    assert sorted(wanted) == sorted(labels)
    if 4 <= sum(labels) <= len(labels) - 4:
        assert sum(one != two for one, two in pairwise(wanted)) > 1
