"""What is worked out in columns is what is worked out one by one: the same bytes in every file of a release."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import exports
from exports import Evidence, projection_of
from exports.choosing import EVERYTHING
from exports.pair_figures import MAY_HAVE_STYLE
from exports.plain_pairs import plain_pairs
from exports.weights import Weighting, Weights
from tests.unit.exports.evidence_columns import TestPortion
from tests.unit.exports.export_records import NOW, World
from workspaces.config.exports import ExportsConfig
from workspaces.records import (
    IMPORTED,
    AnnotationStatus,
    Attachment,
    Conversation,
    Generated,
    Message,
    Role,
    ToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from exports.holders import Holders

WORDS = (
    "walrus",
    "tooth",
    "[EMAIL_1]",
    'Größe "x"',
    "雪\\",
    "\n- list",
    "**bold**",
    "\n# head",
    "\x1f",
    "٣. x",
    "",
)
SPACE = ("", " ", "\u3000", "\x1c")


def world_of(draw: random.Random, people: int, oddity: float) -> tuple[World, Evidence]:
    """Return plain comparisons, of which about a share of ``oddity`` is not."""
    world = World()

    def odd() -> bool:
        return draw.random() < oddity

    def text(of: int = 9) -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(1, of)))

    openings = [text(3) for _ in range(12)]
    tasks = []
    for _ in range(14):
        ids = _chat(world, draw, openings if odd() else None, text, odd)
        shown = draw.sample(ids, 2)
        if odd():
            shown = [draw.choice(ids), draw.choice(world.conversations).messages[-1].id]
        kind = draw.choice(
            ["preference", "preference", "preference_strength", "ranking" if odd() else "preference"]
        )
        if kind == "ranking":
            shown = ids[:3]
        if odd():
            shown = ["gone", shown[0]]
        task = world.task(*shown, kind=kind, rules=f"rules-{draw.randint(0, 1)}")
        tasks += [task] * (2 if odd() else 1)
        if odd():
            world.tasks[task] = replace(world.tasks[task], platform=IMPORTED)
        if odd():
            world.tasks[task] = replace(world.tasks[task], reask_of="t0")
    for task in tasks:
        _answer(world, draw, task, people, text, odd)
    if odd():
        world.answer("of no task", "p1", preference="a")
    _long(world, draw)
    near = {chat.id: draw.choice("gh") for chat in world.conversations if draw.random() < 0.2}
    weights = Weights(
        {f"p{number}": draw.random() for number in range(0, people, 2)},
        by_question={("p1", "preference"): draw.random(), ("p2", "strength"): 0.0},
        prior=draw.choice([None, 0.6]),
        weighting=draw.choice(
            [Weighting.CONFIDENCE, Weighting.CONFIDENCE, Weighting.POSTERIOR, Weighting.NONE]
        ),
        posteriors={
            (task.kind, "preference", "|".join(sorted(task.message_ids))): {
                "first": 0.3,
                "tie": 0.1,
                "second": 0.6,
            }
            for task in world.tasks.values()
            if draw.random() < 0.3
        },
    )
    if draw.random() < 0.3:
        weights = Weights()
    evidence = Evidence(
        world.tasks,
        world.annotations,
        world.contexts,
        weights,
        near_duplicates=near,
        languages={chat.id: chat.language or "und" for chat in world.conversations},
    )
    return world, evidence


def _chat(
    world: World,
    draw: random.Random,
    openings: list[str] | None,
    text: Callable[..., str],
    odd: Callable[[], bool],
) -> list[str]:
    """Add a conversation of one to three turns and its last responses; return the ids of these."""
    name = f"c{len(world.conversations)}"
    opening = draw.choice(openings) if openings else f"{name} {text()}"
    messages = [Message(f"{name}s", None, Role.SYSTEM, text())] if odd() else []
    for turn in range(draw.choice([1, 1, 2, 3])):
        before = messages[-1].id if messages else None
        messages.append(Message(f"{name}u{turn}", before, Role.USER, text() if turn else opening))
        if odd():
            messages[-1] = replace(messages[-1], attachments=(Attachment("image", "wall.png"),))
        if odd():
            continue  # the user says something more
        messages.append(Message(f"{name}a{turn}", messages[-1].id, Role.ASSISTANT, text()))
        if odd():
            messages[-1] = replace(messages[-1], tool_calls=(ToolCall("1", "clock", "{}"),))
    asked = messages[-1].parent_id if messages[-1].role == Role.ASSISTANT else messages[-1].id
    same = text()
    for number in range(3):
        said = same + draw.choice(SPACE) if odd() else f"{number} {text()}"
        model = draw.choice(["", None, f"model-{number}"])
        messages.append(Message(f"{name}r{number}", asked, Role.ASSISTANT, said, model))
        if odd():
            messages[-1] = replace(messages[-1], generated=Generated("{}", "apache-2.0"))
    chat = Conversation(
        name,
        tuple(messages),
        source=draw.choice(["one", "two"]),
        licence=draw.choice(["mit", "MIT License", "cc0-1.0", None, ""]),
        model_name=draw.choice([None, "model of all"]),
        language=draw.choice([None, "de"]),
        conversation_metadata={"tools": [{"name": "clock"}]} if odd() else {},
    )
    world.conversations.append(chat)
    return [message.id for message in chat.messages[-3:]]


def _answer(
    world: World,
    draw: random.Random,
    task: str,
    people: int,
    text: Callable[..., str],
    odd: Callable[[], bool],
) -> None:
    """Add answers of some people to a task, most of them complete."""
    kind = world.tasks[task].kind
    for number in draw.sample(range(people), draw.randint(0, 5)):
        person = f"p{number}"
        if kind == "preference":
            bad = {"both_bad": "yes"} if draw.random() < 0.1 else {}
            said = {"preference": "tie" if bad else draw.choice("aab"), **bad}
        elif kind == "preference_strength":
            said = {"strength": draw.choice(["-3", "-1", "0", "2", "both_bad"])}
            if odd():
                said["strength_reason"] = draw.choice([text(), "p3", "a@b.org"])
        else:
            said = {"ranking": draw.choice(["a > b > c", "b > a = c"])}
        if draw.random() < 0.1:
            said = {}
        status = draw.choice(
            [*[AnnotationStatus.SUBMITTED] * 8, AnnotationStatus.DISCARDED, AnnotationStatus.DRAFT]
        )
        world.answer(task, person, status=status, **said)


def _long(world: World, draw: random.Random) -> None:
    """Add a pair whose sides differ late, and one that is named like a person."""
    words = "word " * draw.choice([510, 600, 1100])
    for prompt, *sides in (("Go on.", f"{words}a", f"{words} b c"), ("Who?", "p7", "p8 or p7")):
        last = world.task(*world.chat(prompt, *sides))
        world.votes(last, "aab")
    world.answer(last, "p7", status=AnnotationStatus.DISCARDED)


def rules_of(draw: random.Random) -> ExportsConfig:
    """Return rules, most of them in force in a few draws of ten."""
    some = {
        "kinds": ["preference"],
        "imported": draw.choice(["exclude", "exclude", "only"]),
        "chat": draw.choice(["exclude", "exclude", "only"]),
        "since": NOW.date() + timedelta(draw.randint(0, 2)),
        "until": NOW.date() + timedelta(draw.randint(2, 9)),
        "min_people": draw.randint(2, 3),
        "min_agreement": draw.choice([0.5, 2 / 3, 0.75]),
        "min_margin": draw.choice([-0.5, 0.0, 0.3]),
        "min_posterior": draw.choice([0.25, 0.5]),
        "skip_flags": ["toxic"],
        "languages": ["und"],
        "models": ["unknown", "model-0", "model of all", draw.choice(["model-1", "model-2"])],
        "sources": [draw.choice(["one", "two"]), "test logs"],
        "licences": [draw.choice(["MIT", "mit"]), "cc0-1.0", *draw.choice([[], ["unknown"]])],
    }
    return ExportsConfig.model_validate({key: some[key] for key in some if draw.random() < 0.2})


def _released(
    folder: Path,
    evidence: Evidence,
    portions: list[TestPortion] | None,
    name: str = "dpo",
    rules: ExportsConfig = EVERYTHING,
    *,
    json_lines: bool = False,
) -> object:
    """Return what an export says and wrote, but what is of the machine."""
    announced: list[Holders] = []
    try:
        result = exports.export(
            folder,
            projection_of(name),
            evidence,
            ledger_tip=None,
            created_at=NOW,
            any_licence=True,
            rules=rules,
            json_lines=json_lines,
            portions=portions,
            announce=announced.append,
        )
    except exports.NothingToExportError as error:
        return str(error)
    return (
        replace(result, path=Path()),
        announced,
        {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        },
    )


@settings(max_examples=40, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    st.integers(0, 2**32),
    st.integers(6, 9),
    st.sampled_from([0.0, 0.02, 0.1]),
    st.sampled_from(
        [
            "dpo",
            "implicit",
            "reward",
            "openrlhf",
            "axolotl",
            "flat",
            "verl",
            "llama-factory",
            "llama-factory-v1",
            "nemo-rl",
        ]
    ),
    st.booleans(),
)
def test_columns_and_objects_give_the_same_release(
    seed: int, people: int, oddity: float, name: str, json_lines: bool
) -> None:
    world, evidence = world_of(random.Random(seed), people, oddity)
    with tempfile.TemporaryDirectory() as folder:
        one_by_one = _released(Path(folder) / name, evidence, None, name, json_lines=json_lines)
    portion = TestPortion(world.conversations, evidence)
    with tempfile.TemporaryDirectory() as folder:
        in_columns = _released(Path(folder) / name, evidence, [portion], name, json_lines=json_lines)
    assert in_columns == one_by_one


@settings(max_examples=60, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.05]), st.sampled_from(["dpo", "openrlhf"]))
def test_rules_leave_the_same_out_of_columns_and_objects(seed: int, oddity: float, name: str) -> None:
    draw = random.Random(seed)
    world, evidence = world_of(draw, 8, oddity)
    evidence = replace(
        evidence,
        annotations=[
            replace(it, updated_at=it.updated_at + timedelta(hours=draw.randint(0, 72)))
            for it in evidence.annotations
        ],
        flagged={chat.id for chat in world.conversations if draw.random() < 0.2},
    )
    rules = rules_of(draw)
    with tempfile.TemporaryDirectory() as folder:
        one_by_one = _released(Path(folder) / name, evidence, None, name, rules)
    with tempfile.TemporaryDirectory() as folder:
        portion = TestPortion(world.conversations, evidence)
        in_columns = _released(Path(folder) / name, evidence, [portion], name, rules)
    assert in_columns == one_by_one


def _plain(number: int = 3) -> World:
    """Return plain comparisons alone."""
    world = World()
    for place in range(number):
        world.votes(world.task(*world.chat(f"Prompt {place}", f"left {place}", f"right {place} more")), "aab")
    return world


def _of_a_kind_that_is_gone(world: World) -> None:
    task = world.task(*world.chat("Older than that", "one", "two"))
    world.tasks[task] = replace(world.tasks[task], kind="gone")
    world.answer(task, "p1", status=AnnotationStatus.DRAFT, gone="yes")


def _with_ids_of_logs(world: World) -> None:
    """Add a conversation whose messages have the ids of another one's, as older versions stored them."""
    first = world.conversations[0]
    others = tuple(replace(it, content=f"{it.content} or not") for it in first.messages)
    world.conversations.append(replace(first, id="copy", messages=others))


def _about_another_conversation(world: World) -> None:
    task = world.task(*world.chat("Elsewhere", "one", "two"))
    last = world.conversations.pop()
    world.conversations.append(replace(last, conversation_metadata={"tools": [{"name": "clock"}]}))
    world.votes(task, "aab")
    world.tasks[task] = replace(world.tasks[task], conversation_ids=("c0",))


def _with_a_text_of_another_kind(world: World) -> None:
    world.answer("t0", "p9", status=AnnotationStatus.DISCARDED, suggestion="left 0")


def _with_a_draft_that_is_no_text(world: World) -> None:
    world.answer("t0", "p9", status=AnnotationStatus.DRAFT, preference=["a"])  # type: ignore[arg-type]


def _shown_thrice(world: World) -> None:
    one, other, third = world.chat("Which one?", "one", "two", "three")
    world.votes(world.task(one, one), "ab")
    world.votes(world.task(one, other, third, kind="preference"), "ab")


def _deep_and_flat(world: World) -> None:
    messages = [Message("d0", None, Role.USER, "deep")]
    for place in range(1, 99):
        role = Role.ASSISTANT if place % 2 else Role.USER
        messages.append(Message(f"d{place}", f"d{place - 1}", role, f"{place}" if place % 3 else ""))
    messages += [Message(name, "d98", Role.ASSISTANT, name) for name in ("dx", "dy")]
    world.conversations.append(Conversation("deep", tuple(messages), source="test logs"))
    world.votes(world.task("dx", "dy"), "bba")


def _said_twice_at_one_time(world: World) -> None:
    """Add a pair that one person judges in two tasks at one time: for one side, with strengths that differ."""
    shown = world.chat("Which one is it?", "one", "two")
    for strength in ("-3", "-1"):
        world.answer(world.task(*shown, kind="preference_strength"), "p1", strength=strength)
    world.answer("t0", "p1", preference="b")
    world.annotations[:] = [replace(it, updated_at=NOW) for it in world.annotations]


ODD: list[Callable[[World], None]] = [
    _said_twice_at_one_time,
    _of_a_kind_that_is_gone,
    _with_ids_of_logs,
    _about_another_conversation,
    _with_a_text_of_another_kind,
    _with_a_draft_that_is_no_text,
    _shown_thrice,
    _deep_and_flat,
]


@pytest.mark.parametrize(("add", "heaviest"), [*((add, 0.5) for add in ODD), (_shown_thrice, 2.0**53)])
def test_odd_evidence_gives_the_same_release(
    add: Callable[[World], None], heaviest: float, tmp_path: Path
) -> None:
    world = _plain()
    add(world)
    weights = Weights({"p0": heaviest})  # with the last one, sums of whole numbers are not exact
    languages = {chat.id: "und" for chat in world.conversations}
    evidence = Evidence(world.tasks, world.annotations, world.contexts, weights, languages=languages)
    portion = TestPortion(world.conversations, evidence)
    found = plain_pairs(portion.columns())
    assert found is not None
    assert len(found.pairs)
    in_columns = _released(tmp_path / "columns", evidence, [portion])
    assert in_columns == _released(tmp_path / "objects", evidence, None)


def test_a_table_of_more_than_a_column_can_hold_is_not_worked_at_in_columns() -> None:
    world = _plain()
    world.chat("x" * (1 << 20), "one", "two")
    evidence = Evidence(world.tasks, world.annotations, world.contexts, Weights())
    columns = TestPortion(world.conversations, evidence).columns()
    long = columns.conversations.slice(len(world.conversations) - 1)
    many = pa.concat_tables([columns.conversations, *[long] * (1 << 11)])  # the same memory each time
    assert plain_pairs(replace(columns, conversations=many)) is None


def test_a_digit_of_a_later_unicode_may_begin_a_list() -> None:
    texts = pa.array(["1. x", "\U00010d40. x", "- x", "x", "\u96ea", "\u2028"])
    found = pc.match_substring_regex(texts, MAY_HAVE_STYLE).to_pylist()
    assert found == [True, True, True, False, False, False]
