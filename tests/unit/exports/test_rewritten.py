"""What rewrites make beside pairs: edits with feedback, and references for pairs; every answer is somewhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exports import Evidence
from exports.omissions import OmissionReason
from exports.projections.edit import PROJECTION as EDIT
from exports.projections.tpo import PROJECTION as TPO
from exports.selections import select_edits, select_referenced
from exports.verdicts import RewriteOutcomes
from exports.weights import Weights
from reward_engine.acceptance import Outcome
from tests.unit.exports.export_records import World
from workspaces.records import AnnotationStatus, Message, Role

if TYPE_CHECKING:
    from exports import Selection
    from exports.pairs import PreferencePair

TAGS = dict.fromkeys(("instruction", "helpful", "factual", "style", "sensitive", "toxic"), "yes")
BETTER = "A better answer, in full."


def evidence(world: World) -> Evidence:
    return Evidence(world.tasks, world.annotations, world.contexts, Weights({}))


def rewrite(world: World, message: str, person: str, text: str = BETTER, **tags: str) -> str:
    task = world.task(message)
    values = TAGS | {"toxic": "no", "suggestion": text} | tags
    return world.answer(task, person, status=AnnotationStatus.SUBMITTED, **values)


def accounted(world: World, selection: Selection[Any]) -> None:
    used = {it.annotation_id for item in selection.items for it in item.judgments}
    omitted = [it.annotation_id for it in selection.omissions if it.annotation_id is not None]
    assert sorted([*used, *omitted]) == sorted(it.id for it in world.annotations)


def test_an_edit_says_what_its_writer_found_wrong() -> None:
    world = World()
    (message,) = world.chat("q", "A poor answer.")
    rewrite(world, message, "p0", helpful="no", factual="no")
    (other,) = world.chat("r", "Another answer.")
    world.answer(world.task(other), "p1", status=AnnotationStatus.SUBMITTED, **TAGS)
    selection = select_edits(evidence(world))
    (edit,) = selection.items
    (row,) = EDIT.training_table.rows(edit)
    assert row == {
        "context": [{"role": "user", "content": "q"}],
        "original_response": "A poor answer.",
        "edited_response": BETTER,
        "feedback": ["Helpful? No.", "Factual? No."],
    }
    accounted(world, selection)


def test_the_reasons_of_those_who_prefer_the_original_are_no_feedback_on_it() -> None:
    world = World()
    (message,) = world.chat("q", "A poor answer.")
    (chat,) = world.conversations
    rewritten = Message("c0w", "c0u", Role.ASSISTANT, BETTER, rewrite_of=message)
    world.conversations = [replace(chat, messages=(*chat.messages, rewritten))]
    task = world.task(message, "c0w", kind="preference_strength")
    said = {
        "p0": ("2", "It names no year."),
        "p1": ("3", ""),
        "p2": ("-1", "The original is short."),
        "p3": ("1", "\ud800"),
    }
    for person, (strength, reason) in said.items():
        world.answer(task, person, strength=strength, strength_reason=reason)
    outcomes = RewriteOutcomes({"c0w": Outcome.ACCEPTED})
    (edit,) = select_edits(replace(evidence(world), outcomes=outcomes)).items
    (row,) = EDIT.training_table.rows(edit)
    assert (row["edited_response"], row["feedback"]) == (BETTER, ["It names no year.", "\ufffd"])


def test_pairs_of_models_are_no_edits_and_are_counted() -> None:
    world = World()
    messages = world.chat("q", "one", "two")
    world.votes(world.task(*messages), "aab")
    selection = select_edits(evidence(world))
    assert selection.items == []
    assert selection.items_left_out == {OmissionReason.NO_EDIT.value: 1}
    accounted(world, selection)


def test_a_pair_has_the_rewrite_to_its_prompt_as_reference_and_others_have_none() -> None:
    world = World()
    first, second = world.chat("q", "one answer", "two answers")
    world.votes(world.task(first, second), "aab")
    rewrite(world, second, "p9", helpful="no")
    others = world.chat("another prompt", "three", "four")
    world.votes(world.task(*others), "bb")
    tied = world.chat("q", "five", "six")
    world.votes(world.task(*tied), "ab")
    selection = select_referenced(evidence(world))
    pair: PreferencePair
    (pair,) = selection.items
    (row,) = TPO.training_table.rows(pair)
    assert row == {
        "prompt": [{"role": "user", "content": "q"}],
        "reference": [{"role": "assistant", "content": BETTER}],
        "chosen": [{"role": "assistant", "content": "one answer"}],
        "rejected": [{"role": "assistant", "content": "two answers"}],
    }
    assert pair.person_ids == {"p0", "p1", "p2", "p9"}
    accounted(world, selection)
    assert selection.items_left_out == {OmissionReason.NO_REFERENCE.value: 3}


def test_a_reference_says_what_no_side_says_and_its_source_is_the_rows_too() -> None:
    world = World()
    first, second = world.chat("q", "one answer", "two answers")
    world.votes(world.task(first, second), "aab")
    (third,) = world.chat("q", "three answers", licence="cc-by-nc-4.0")
    rewrite(world, third, "p8", "two answers")  # what a model had written
    rewrite(world, third, "p9", helpful="no")
    (pair,) = select_referenced(evidence(world)).items
    (row,) = TPO.training_table.rows(pair)
    assert row["reference"] == [{"role": "assistant", "content": BETTER}]
    assert set(pair.conversation_ids) == {"c0", "c1"}
    assert set(pair.licences) == {"mit", "cc-by-nc-4.0"}


def test_what_people_find_worse_than_a_side_is_no_reference() -> None:
    world = World()
    first, second = world.chat("q", "one answer", "two answers")
    (chat,) = world.conversations
    texts = {"c0w": BETTER, "c0v": "Another rewrite."}
    written = tuple(
        Message(name, "c0u", Role.ASSISTANT, text, rewrite_of=second) for name, text in texts.items()
    )
    world.conversations = [replace(chat, messages=(*chat.messages, *written))]
    outcomes = RewriteOutcomes(dict.fromkeys(texts, Outcome.ACCEPTED))
    world.votes(world.task(first, second), "aab")
    world.votes(world.task(second, "c0w"), "bbb")
    world.votes(world.task(second, "c0v"), "bb")

    def reference() -> str:
        (pair,) = select_referenced(replace(evidence(world), outcomes=outcomes)).items
        return pair.reference

    assert reference() == BETTER
    world.votes(world.task(first, "c0w"), "aa")
    assert reference() == "Another rewrite."
    world.votes(world.task("c0w", first), "ab")
    assert reference() == BETTER, "one of two changed their mind, and a tie is no preference"
