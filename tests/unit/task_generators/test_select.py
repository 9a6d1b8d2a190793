"""The selection: which conversations tasks are made of, and why the others are left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from task_generators.candidates import candidates
from task_generators.chat_logs.batches import Batch, batch_of
from task_generators.chat_logs.curation import tag
from task_generators.chat_logs.curation.flags import Flag
from task_generators.chat_logs.readers import Reading
from task_generators.select import FREE_PROMPTS, LEAST_BOUND, Known, Names, Selection, Selector, bound
from tests.sample_records import chat, seeds_of, siblings, task
from workspaces.collection.files import to_batch
from workspaces.config import MixConfig, SelectConfig
from workspaces.config.generation import ATTACHMENT, FLAGS
from workspaces.records import Attachment, Conversation, SharingState
from workspaces.store.conversations import conversation
from workspaces.store.moderations import ModerationEntry, save_moderation
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    import pyarrow as pa
    from pydantic import JsonValue

GOLDEN = Path(__file__).parent / "readers" / "golden"
REFUSED = "I'm sorry, but I can't help with that."
LEAKED = "I am Claude, an AI assistant."


def rows(*conversations: Conversation) -> pa.RecordBatch:
    """Return conversations as ingest leaves them."""
    return tag(Batch(batch_of(range(len(conversations)), [Reading(each) for each in conversations]))).rows


def select(
    *conversations: Conversation, known: Known | None = None, trivial: bool = False, **rules: Any
) -> Selection:
    selector = Selector(SelectConfig(**rules), known or Known(), trivial=trivial)
    selector.look(rows(*conversations))
    return selector.selection()


def labelled(conversation: Conversation, *categories: str | None) -> Conversation:
    """Return a conversation whose log carries a moderation label for each message; None: not flagged."""
    labels: list[JsonValue] = [
        {"flagged": it is not None, "categories": [it] if it else []} for it in categories
    ]
    return replace(conversation, conversation_metadata={"openai_moderation": labels})


def toxic(conversation: Conversation) -> Conversation:
    return replace(conversation, conversation_metadata={"toxic": True})


def plain(name: str, number: int = 0) -> Conversation:
    return chat(name, f"How do I bake the bread number {number}?", f"With the flour number {number}.")


def test_what_harms_or_wastes_is_left_out_and_what_is_worth_judging_stays() -> None:
    found = select(
        plain("plain"),
        toxic(plain("toxic")),
        labelled(plain("flagged"), "hate", None),
        chat("empty", "How do I bake bread at home?", " \n"),
        chat("trivial", "hi", "hello"),
        chat("refusal", "How do I bake bread at home?", REFUSED),
        chat("leak", "Who are you, please, and who made you?", LEAKED),
    )
    assert found.omissions == {
        "toxic": "toxic",
        "flagged": "moderation",
        "empty": "empty",
        "trivial": "trivial",
    }
    assert found.reasons() == {"empty": 1, "moderation": 1, "toxic": 1, "trivial": 1}
    assert (found.withheld, found.omitted_answers) == ({}, {})


def test_every_flag_can_be_skipped_or_let_in() -> None:
    logs = [chat("refusal", "How do I bake bread?", REFUSED), chat("leak", "Who are you, please?", LEAKED)]
    assert select(*logs, skip_flags=["refusal", "identity_leak"]).omissions == {
        "refusal": "refusal",
        "leak": "identity_leak",
    }
    assert select(toxic(chat("t", "hi", "")), skip_flags=[]).omissions == {}
    assert set(FLAGS) == {flag.value for flag in Flag} | {ATTACHMENT}  # which the messages say themselves


def test_a_flagged_message_is_shown_by_no_task_nor_is_what_follows_it() -> None:
    log = labelled(chat("c", "q1", "a1", "q2", "a2", "q3", "a3"), None, None, "violence", None, None, None)
    found = select(log, skip_flags=["moderation"])
    assert found.omissions == {}
    assert [each.id for each in found.shown(log).messages] == ["c#0", "c#1"]
    assert found.omitted_answers == {"moderation": 2}


def test_an_empty_answer_takes_out_itself_where_there_are_others() -> None:
    tree = siblings("t", "How do I bake bread at home?", "With flour.", "", "With yeast.")
    found = select(tree)
    assert found.omissions == {}
    assert found.omitted_answers == {"empty": 1}
    made = candidates(["preference"], [found.shown(tree)], seeds_of([tree]))
    assert [set(each.message_ids) for each in made] == [{"t#1", "t#3"}]


def test_a_label_may_be_named_as_logs_or_endpoints_do() -> None:
    log = labelled(plain("c"), "hate/threatening", None)
    for rule in ("moderation:hate_threatening", "moderation:hate/threatening"):
        assert select(log, skip_flags=[rule]).omissions == {"c": rule}
        known = Known(moderated={"d": {"d#1": {"hate/threatening"}}})
        assert select(plain("d"), known=known, skip_flags=[rule]).omissions == {"d": rule}
    assert select(log, skip_flags=["moderation:hate"]).omissions == {}


def test_what_an_endpoint_flagged_counts_as_well() -> None:
    log = chat("c", "q1 of some length", "a1", "q2", "a2")
    known = Known(moderated={"c": {"c#2": {"violence"}}})
    assert select(log, known=known).shown(log).messages == log.messages[:2]
    assert select(log, known=known, skip_flags=["moderation:hate"]).withheld == {}
    assert select(log, known=Known(moderated={"c": {"c#0": set()}})).omissions == {"c": "moderation"}


def test_attention_checks_need_empty_answers() -> None:
    log = chat("empty", "How do I bake bread at home?", "")
    assert select(log, trivial=True).omissions == {}


def test_languages_are_as_detected_or_as_the_log_says_or_undetermined() -> None:
    logs = [
        chat("en", "How do I bake bread without yeast at home?", "Use baking soda and a hot oven for it."),
        chat("de", "Wie backe ich zu Hause Brot ohne Hefe?", "Mit Natron und einem sehr heißen Ofen."),
        replace(chat("said", "1 + 1 = ? 1 + 1 = ?", "2, 2"), language="German"),
        chat("unknown", "1 + 1 = ? 1 + 1 = ?", "2, 2"),
    ]
    assert select(*logs).omissions == {}
    assert select(*logs, languages=["EN"]).omissions == dict.fromkeys(("de", "said", "unknown"), "language")
    assert select(*logs, languages=["de", "german", "und"]).omissions == {"en": "language"}


def test_one_of_near_copies_is_taken() -> None:
    logs = [toxic(plain("a")), plain("b"), plain("c"), plain("d"), plain("alone")]
    groups = dict.fromkeys("abcd", "a")
    copy = "near duplicate"
    assert select(*logs, known=Known(groups=groups)).omissions == {"a": "toxic", "c": copy, "d": copy}
    assert select(*logs, known=Known(groups, in_use={"d"})).omissions == {"a": "toxic", "b": copy, "c": copy}
    assert select(*logs, known=Known(groups), near_duplicates="all").omissions == {"a": "toxic"}


def test_a_copy_of_what_has_tasks_out_of_sight_is_not_asked_about_again() -> None:
    logs = [toxic(plain("a")), *map(plain, "bcd"), *map(plain, "xy")]
    known = Known({**dict.fromkeys(["a", "b", "c", "d", "held"], "a"), "x": "x", "y": "x"})
    copies = {"a": "toxic", **dict.fromkeys("bcdy", "near duplicate")}
    for name in ("held", "a"):  # not looked at, and left out since its tasks were made
        assert select(*logs, known=replace(known, in_use={name})).omissions == copies
    del copies["c"]
    assert select(*logs, known=replace(known, in_use={"held", "c"})).omissions == copies
    assert "b" not in select(*logs, known=replace(known, in_use={"held"}), near_duplicates="all").omissions


def test_other_models_answers_to_the_same_prompts_are_no_copies() -> None:
    logs = [
        *(chat(name, "The same long prompt", f"Answer {name}", model=f"model-{name}") for name in "abc"),
        chat("again", "The same long prompt", "Answer a!", model="model-a"),
        chat("reworded", "The same long prompt?", "Answer d", model="model-d"),
    ]
    known = Known(groups=dict.fromkeys((it.id for it in logs), "a"))
    copies = {"again": "near duplicate", "reworded": "near duplicate"}
    assert select(*logs, known=known).omissions == copies
    assert select(*logs[::-1], known=known).omissions == copies
    in_use = replace(known, in_use={"reworded"})
    assert select(*logs, known=in_use).omissions.keys() == {"a", "b", "c", "again"}
    nobody = [
        replace(it, model_name=None, messages=tuple(replace(m, model_name=None) for m in it.messages))
        for it in logs[:3]
    ]
    assert select(*nobody, known=known).omissions.keys() == {"b", "c"}


def test_a_prompt_sent_too_often_is_sampled_down_by_lot_and_what_has_tasks_stays() -> None:
    often = [chat(f"often-{number}", "Tell me a joke, please!", f"joke {number}") for number in range(40)]
    longer = chat("longer", "Tell me a joke, please!", "joke", "And another one", "joke")
    logs = [*often, longer, *(plain(f"p{number}", number) for number in range(12))]
    found = select(*logs)
    assert found.reasons() == {"repeated prompt": 40 - LEAST_BOUND}
    taken = {each.id for each in often}.difference(found.omissions)
    assert select(*logs[::-1]).omissions == found.omissions
    assert select(*logs, known=Known(in_use=taken)).omissions == found.omissions
    stays = set(sorted(found.omissions)[:4])
    assert stays.isdisjoint(select(*logs, known=Known(in_use=stays)).omissions)
    assert select(*logs, repeated_prompts=None).omissions == {}


def test_the_bound_is_arenas_quantile_in_a_large_collection_and_sensible_in_a_small_one() -> None:
    assert bound([1] * 299_000 + [30] * 970 + [500] * 30, 0.9999) == 30
    assert bound([1] * 299_000 + [30] * 969 + [500] * 31, 0.9999) == 500
    assert bound([1] * 3_000 + [300], 0.9999) == LEAST_BOUND
    assert bound([300] * FREE_PROMPTS + [1] * 3_000, 0.9999) == LEAST_BOUND
    assert (
        bound([30] * 80, 0.9999) == 30
    )  # every prompt answered by thirty models: nothing is repeated too often
    assert bound([300], 0.9999) == 300
    assert bound([], 0.9999) == LEAST_BOUND


def test_the_challenge_of_the_prompt_may_be_asked_for() -> None:
    logs = [plain("easy"), plain("hard"), plain("nobody looked")]
    known = Known(scores={"easy": 2, "hard": 3})
    assert select(*logs, known=known).omissions == {}
    assert select(*logs, known=known, challenge=3).omissions == {
        "easy": "challenge",
        "nobody looked": "no challenge score",
    }


def test_what_an_older_workbench_read_has_no_flags_and_is_taken() -> None:
    selector = Selector(SelectConfig(), Known())
    selector.look(to_batch([chat("old", "hi", "")]))
    assert selector.selection().omissions == {}


def test_a_task_is_taken_while_it_shows_nothing_that_is_left_out() -> None:
    asked = task("t", {"qualities": 1})  # it shows c#1
    assert Selection(Names.of(["c"]), {}, {"c": {"c#2", "c#3"}}, {}).takes(asked)
    assert not Selection(Names.of(["c"]), {}, {"c": {"c#1"}}, {}).takes(asked)
    assert not Selection(Names.of(["d"]), {"c": "toxic"}, {}, {}).takes(asked)
    assert not select(plain("d")).takes(asked)  # nobody looked at c: it is not shared


def run(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, [*arguments, "--workspace", str(folder), "--json"])
    assert getattr(done.exception, "exit_code", getattr(done.exception, "code", 0)) == code, done.output
    return json.loads(done.stdout)


def test_generate_leaves_out_what_real_logs_carry_whatever_the_order_and_says_so(tmp_path: Path) -> None:
    lines = (GOLDEN / "lmsys.jsonl").read_text(encoding="utf-8").splitlines()
    shown = []
    for number, order in enumerate((lines, lines[::-1])):
        folder, logs = tmp_path / str(number), tmp_path / f"{number}.jsonl"
        logs.write_text("\n".join(order), encoding="utf-8")
        Workspace.create(folder).close()
        run(folder, "ingest", str(logs), "--publish", code=5)
        run(folder, "seed")
        made = run(folder, "generate")
        assert made["left_out"] == {"moderation": 4, "near duplicate": 1}
        assert (made["waiting"], made["answers_left_out"]) == (0, {})
        assert run(folder, "generate")["created"] == 0
        with Workspace.open(folder) as opened, opened.store.read() as connection:
            shown.append({name for it in all_tasks(connection).values() for name in it.conversation_ids})
    assert len(shown[0]) == 15
    assert shown[0] == shown[1]
    said = CliRunner().invoke(app, ["generate", "--workspace", str(folder)]).stdout
    assert "4 moderation: flagged so; to use them, take the flag out of select.skip_flags" in said
    assert "1 near duplicate: to use the copies, too: select.near_duplicates: all" in said


def test_generate_makes_no_task_of_an_answer_to_a_flagged_message(workspace: Workspace) -> None:
    log = chat("c", "How do I bake bread?", "With flour.", "And now, you fool?", "With yeast.")
    workspace.collection.append([log], now=utc_now(), delay=timedelta(0))
    with workspace.store.write() as connection:
        save_seeds(connection, list(seeds_of([log]).values()))
        said = ModerationEntry("c#2", "endpoint", "c", True, ("harassment",), utc_now())
        save_moderation(connection, [said])
    made = steps.generate_tasks(workspace)
    assert (made.left_out, made.answers_left_out) == ({}, {"moderation": 1})
    with workspace.store.read() as connection:
        assert [it.message_ids for it in all_tasks(connection).values()] == [("c#1",)]


def test_tasks_stay_and_only_new_ones_are_selected(workspace: Workspace) -> None:
    logs = [plain(f"c{number}", number) for number in range(80)]
    workspace.collection.append(logs, now=utc_now(), delay=timedelta(0))
    with workspace.store.write() as connection:
        save_seeds(connection, list(seeds_of(logs).values()))
        said = ModerationEntry("c0#1", "endpoint", "c0", True, ("violence",), utc_now())
        save_moderation(connection, [said])
    with_mix(workspace, limit=60)
    first = steps.generate_tasks(workspace)
    assert (first.created, first.left_out) == (60, {"moderation": 1})
    flagged = {f"c{number}" for number in range(40)}
    with workspace.store.write() as connection:
        before = all_tasks(connection)
        save_moderation(
            connection, [replace(said, message_id=f"{it}#1", conversation_id=it) for it in flagged]
        )
    with_mix(workspace, reask=0.1)
    assert steps.generate_tasks(workspace).left_out == {"moderation": 40}
    with workspace.store.read() as connection:
        after = all_tasks(connection)
    assert before.items() <= after.items()
    new = [after[name] for name in after.keys() - before.keys()]
    assert flagged.isdisjoint(name for it in new for name in it.conversation_ids)
    assert {it.reask_of is None for it in new} == {True, False}  # second tasks are selected as well


def test_what_was_taken_back_has_no_second_tasks(workspace: Workspace) -> None:
    logs = [plain(f"c{number}", number) for number in range(80)]
    workspace.collection.append(logs, now=utc_now(), delay=timedelta(0))
    with workspace.store.write() as connection:
        save_seeds(connection, list(seeds_of(logs).values()))
    with_mix(workspace)
    assert steps.generate_tasks(workspace).created == 80
    private = {log.id for log in logs[:40]}
    change(workspace, private, SharingState.PRIVATE)
    with_mix(workspace, reask=0.05)
    steps.generate_tasks(workspace)
    again = asked_twice(workspace)
    assert again
    assert again.isdisjoint(private)
    change(workspace, private, SharingState.SHARED)
    with_mix(workspace, reask=0.1)
    steps.generate_tasks(workspace)
    assert asked_twice(workspace) & private


def test_the_copy_of_one_that_is_held_again_has_no_tasks(workspace: Workspace) -> None:
    words = " ".join(f"word{number}" for number in range(60))
    logs = [chat("a", words, "Yes."), chat("b", f"{words} too", "Yes.")]
    with workspace.store.write() as connection:
        save_seeds(connection, list(seeds_of(logs).values()))
    with_mix(workspace)
    for log in logs:
        workspace.collection.append([log], now=utc_now(), delay=timedelta(0))
        made = steps.generate_tasks(workspace)
        change(workspace, {"a"}, SharingState.HELD, share_at=utc_now() + timedelta(1))
    assert (made.created, made.existing, made.left_out) == (0, 1, {"near duplicate": 1})


def asked_twice(workspace: Workspace) -> set[str]:
    with workspace.store.read() as connection:
        return {it.conversation_ids[0] for it in all_tasks(connection).values() if it.reask_of}


def change(workspace: Workspace, names: set[str], state: SharingState, **columns: Any) -> None:
    with workspace.store.write() as connection:
        rows = sa.update(conversation).where(conversation.c.conversation_id.in_(names))
        connection.execute(rows.values(state=state.value, **columns))


def with_mix(workspace: Workspace, **mix: Any) -> None:
    rules = MixConfig(kinds={"qualitative": 1}, **mix)
    workspace.config = workspace.config.model_copy(update={"mix": rules})


def attaching(conversation: Conversation, number: int, kind: str = "image") -> Conversation:
    """Return a conversation in which one message has an attachment, of which nothing but a name is kept."""
    messages = list(conversation.messages)
    messages[number] = replace(messages[number], attachments=(Attachment(kind, f"it.{kind}"),))
    return replace(conversation, messages=tuple(messages))


@pytest.mark.parametrize("kind", ["image", "audio", "video", "document", "file"])
def test_nobody_is_asked_about_what_nobody_sees(kind: str) -> None:
    plain = chat("p", "What is a robin?", "A small bird with an orange breast.")
    asked = attaching(replace(plain, id="c"), 0, kind)
    assert select(plain, asked).omissions == {"c": "attachment"}
    assert select(plain, asked, skip_flags=["empty"]).omissions == {}


def test_what_stands_before_an_attachment_is_asked_about_and_the_answers_after_it_are_counted() -> None:
    log = attaching(chat("c", "q1 in a few words", "a1", "q2", "a2", "q3", "a3"), 2)
    found = select(log)
    assert found.omissions == {}
    assert [message.id for message in found.shown(log).messages] == ["c#0", "c#1"]
    assert found.omitted_answers == {"attachment": 2}
