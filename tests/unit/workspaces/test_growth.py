"""A conversation that goes on: what its giver decided stays decided, and nothing of it is left behind in old files."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from chatfeedback import steps
from tests.sample_records import NOW, chat, siblings
from workspaces.collection import Appended, Collection
from workspaces.collection.files import SCHEMA, measured, to_batch
from workspaces.collection.near_duplicates.signatures import bands, shingles
from workspaces.collection.search import search
from workspaces.records import Message, Role, SharingState
from workspaces.store import Store, conversations
from workspaces.store.challenges import ChallengeEntry, challenged, save_challenges
from workspaces.store.conversations import conversation
from workspaces.store.near_duplicates import groups_of
from workspaces.store.omissions import Omission
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from task_generators.chat_logs import Ingested
    from tests.stores import Stores
    from workspaces.records import Conversation

DAY = timedelta(days=1)
AT_ONCE = timedelta(0)
EARLY = chat("c", "question", "answer")
LATER = chat("c", "question", "answer", "and then?", "that is all")


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    return sqlite_store


@pytest.fixture
def collection(store: Store, tmp_path: Path) -> Collection:
    return Collection(tmp_path / "collection", store)


def registered(store: Store, name: str = "c") -> sa.Row[Any]:
    with store.read() as connection:
        return connection.execute(sa.select(conversation).where(conversation.c.conversation_id == name)).one()


def together(store: Store, *names: str) -> dict[str, str]:
    with store.read() as connection:
        return groups_of(connection, names)


def test_a_chat_that_went_on_grows_and_an_older_copy_of_it_is_a_duplicate(
    collection: Collection, tmp_path: Path
) -> None:
    collection.append([EARLY, chat("other", "q", "a")], now=NOW, delay=AT_ONCE)
    (old,) = (tmp_path / "collection").iterdir()
    before = old.read_bytes()
    assert collection.append([LATER], now=NOW, delay=AT_ONCE) == Appended(0, 0, (), grown=1)
    assert old.read_bytes() == before
    for again in (EARLY, LATER):
        assert collection.append([again], now=NOW, delay=AT_ONCE) == Appended(0, 1, ())
    collection.share_due(NOW)
    assert {it.id: it for it in collection.scan()}["c"] == LATER
    assert collection.get(["c"]) == collection.read(["c"]) == {"c": LATER}
    assert [hit.conversation_id for hit in search(collection, "question", 9)] == ["c"]
    shown = collection.look_at("c")
    assert shown is not None
    assert (shown["turns"], shown["words"]) == (2, 7)
    collection.compact()
    assert [it.id for it in collection.scan()].count("c") == 1
    (merged,) = (tmp_path / "collection").iterdir()
    assert sorted(pq.read_table(merged).column("conversation_id").to_pylist()) == ["c", "other"]


def test_readings_of_one_conversation_in_one_batch_come_to_the_same(collection: Collection) -> None:
    one, other, both = (siblings("c", "why?", *said) for said in (["a", "b"], ["a", "b", "c"], ["a"]))
    assert collection.append([one, both, other, one], now=NOW, delay=AT_ONCE) == Appended(1, 2, (), grown=1)
    collection.share_due(NOW)
    assert list(collection.scan()) == [other]


def test_what_grew_is_held_again_and_keeps_the_moment_of_its_first_sharing(
    stores: Stores, tmp_path: Path
) -> None:
    store = stores.new()
    collection = Collection(tmp_path / "collection", store)
    collection.append([replace(EARLY, timestamp=NOW - 9 * DAY, giver_id="ada")], now=NOW, delay=DAY)
    collection.share_due(NOW)
    assert registered(store).shared_at == NOW
    collection.append([replace(LATER, timestamp=NOW, giver_id="ada")], now=NOW + DAY / 2, delay=DAY)
    row = registered(store)
    assert (row.state, row.share_at, row.shared_at) == ("held", NOW + DAY, NOW)
    with store.read() as connection:
        (log,) = conversations.shared_logs(connection)
    assert (log.conversation_id, log.shared_at) == ("c", NOW), "or its reward would be taken back for a day"
    assert collection.share_due(NOW + DAY - timedelta(seconds=1)) == 0
    assert collection.share_due(NOW + DAY) == 1
    assert registered(store).shared_at == NOW
    assert list(collection.scan()) == [replace(LATER, timestamp=NOW - 9 * DAY, giver_id="ada")]


@pytest.mark.parametrize(
    "known", ["its beginning", "an earlier time", "nothing", "the time of the last reading"]
)
def test_new_messages_whose_time_is_not_known_are_held_from_now(
    collection: Collection, store: Store, known: str
) -> None:
    began = NOW - 9 * DAY
    times = {"its beginning": began, "an earlier time": began - DAY, "nothing": None}
    collection.append([replace(EARLY, timestamp=began)], now=NOW, delay=DAY)
    given = replace(LATER, timestamp=times.get(known, began + DAY))
    if known not in times:
        middle = replace(given, messages=given.messages[:3])
        assert collection.append([middle], now=NOW, delay=DAY).grown == 1
        assert registered(store).share_at == began + 2 * DAY
    assert collection.share_due(NOW) == 1
    assert collection.append([given], now=NOW, delay=DAY).grown == 1
    assert registered(store).share_at == NOW + DAY
    assert collection.share_due(NOW) == 0


def test_what_was_never_shared_earns_nothing_while_it_is_held(collection: Collection, store: Store) -> None:
    collection.append([replace(EARLY, giver_id="ada")], now=NOW, delay=DAY)
    with store.read() as connection:
        assert conversations.shared_logs(connection) == []


def test_a_delay_is_never_shortened_by_growth(collection: Collection, store: Store) -> None:
    collection.append([EARLY], now=NOW, delay=DAY)
    collection.append([replace(LATER, timestamp=NOW - 9 * DAY)], now=NOW, delay=AT_ONCE)
    assert registered(store).share_at == NOW + DAY


def test_private_stays_private(collection: Collection, store: Store) -> None:
    collection.append([EARLY], now=NOW, delay=AT_ONCE)
    with store.write() as connection:
        connection.execute(sa.update(conversation).values(state=SharingState.PRIVATE.value))
    assert collection.append([LATER], now=NOW, delay=AT_ONCE).grown == 1
    assert registered(store).state == "private"
    assert collection.share_due(NOW) == 0
    assert collection.read(["c"]) == {"c": LATER}


@pytest.mark.parametrize("field", ["giver_id", "licence", "source"])
def test_nobody_adds_to_a_conversation_of_somebody_else_or_under_other_terms(
    collection: Collection, store: Store, field: str
) -> None:
    def said(it: Conversation, value: Any) -> Conversation:
        return replace(it, **{field: value})

    collection.append([said(EARLY, "one")], now=NOW, delay=AT_ONCE)
    found = collection.append([said(LATER, "another")], now=NOW, delay=AT_ONCE)
    assert found == Appended(0, 0, (), foreign=(0,))
    if field != "source":
        assert collection.append([said(LATER, None)], now=NOW, delay=AT_ONCE).grown == 1
        assert getattr(collection.read(["c"])["c"], field) == "one"
        assert registered(store).giver_id == ("one" if field == "giver_id" else None)


def test_a_fragment_waits_for_its_beginning(collection: Collection) -> None:
    fragment = replace(LATER, messages=LATER.messages[2:])
    assert collection.append([fragment], now=NOW, delay=AT_ONCE) == Appended(0, 0, (), fragments=(0,))
    beginning = replace(LATER, messages=LATER.messages[:1])
    assert collection.append([beginning, fragment], now=NOW, delay=AT_ONCE) == Appended(
        1, 0, (), fragments=(1,)
    )
    assert collection.append([EARLY, fragment], now=NOW, delay=AT_ONCE) == Appended(0, 0, (), grown=2)
    assert collection.read(["c"]) == {"c": LATER}


def test_an_older_row_is_never_compared(collection: Collection, store: Store) -> None:
    prose = [f"word{number}" for number in range(80)]
    first, rest = " ".join(prose[:40]), " ".join(prose[40:])
    collection.append([chat("c", first)], now=NOW, delay=AT_ONCE)
    assert collection.append([chat("c", first, rest)], now=NOW, delay=AT_ONCE).near_duplicates == 0
    assert (
        collection.append([chat("like its beginning", first, "x")], now=NOW, delay=AT_ONCE).near_duplicates
        == 0
    )
    found = collection.append([chat("like all of it", f"{first} x", rest)], now=NOW, delay=AT_ONCE)
    assert found.near_duplicates == 1
    assert together(store, "c", "like its beginning", "like all of it") == {"c": "c", "like all of it": "c"}


def test_who_hung_together_through_a_conversation_alone_is_parted_when_it_grows(
    collection: Collection, store: Store, tmp_path: Path
) -> None:
    rng = random.Random(3)
    prose = [f"word{number}" for number in range(100)]
    one, bridge, other = " ".join(prose[:90]), " ".join(prose[5:95]), " ".join(prose[10:])
    logs = [chat("one", one), chat("bridge", bridge), chat("other", other), chat("twin", f"{other} x")]
    collection.append(logs, now=NOW, delay=AT_ONCE)
    names = [it.id for it in logs]
    assert together(store, *names) == dict.fromkeys(names, "bridge")
    more = " ".join(f"more{rng.random()}" for _ in range(90))
    assert collection.append([chat("bridge", bridge, more)], now=NOW, delay=AT_ONCE).near_duplicates == 0
    assert together(store, *names) == {"other": "other", "twin": "other"}
    fresh = Store("sqlite://")
    fresh.upgrade()
    at_once = [it for it in logs if it.id != "bridge"] + [chat("bridge", bridge, more)]
    Collection(tmp_path / "at once", fresh).append(at_once, now=NOW, delay=AT_ONCE)
    assert together(fresh, *names) == together(store, *names)
    fresh.close()


def test_a_file_whose_conversations_all_grew_goes_and_nobody_looks_for_it(
    collection: Collection, tmp_path: Path
) -> None:
    prose = " ".join(f"word{number}" for number in range(60))
    collection.append([chat("c", prose)], now=NOW, delay=AT_ONCE)
    collection.append([chat("c", prose, "x")], now=NOW, delay=AT_ONCE)
    assert collection.clear_leftovers() == 1
    assert collection.append([chat("d", prose, "y")], now=NOW, delay=AT_ONCE).near_duplicates == 1
    assert len(list((tmp_path / "collection").iterdir())) == 2


def test_what_was_said_of_the_first_prompt_goes_only_where_there_is_another(
    collection: Collection, store: Store
) -> None:
    for name, told in (
        ("c", "b"),
        ("d", "a"),
    ):  # of two prompts that follow a system message, that of the first id
        system = Message(f"{name}#", None, Role.SYSTEM, f"be kind to {name}")
        prompts = [Message(f"{name}#{it}", f"{name}#", Role.USER, f"say {it}") for it in ("a", "b")]
        whole = replace(chat(name), messages=(system, *prompts))
        part = replace(
            whole, messages=tuple(it for it in whole.messages if it.id in (f"{name}#", f"{name}#{told}"))
        )
        collection.append([part], now=NOW, delay=AT_ONCE)
        with store.write() as connection:
            entry = ChallengeEntry(name, "judge", "1", (), NOW)
            save_challenges(connection, [entry])
        assert collection.append([whole], now=NOW, delay=AT_ONCE).grown == 1
    with store.read() as connection:
        assert challenged(connection, ["c", "d"], "judge", "1") == {"d"}


@pytest.mark.parametrize("change", ["write_file", "register.grow", "near_duplicates.join"])
def test_a_growth_killed_anywhere_leaves_the_old_text_and_the_next_one_finishes(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    collection.append([EARLY], now=NOW, delay=AT_ONCE)
    with monkeypatch.context() as patch:
        patch.setattr(f"workspaces.collection.appender.{change}", killed)
        with pytest.raises(KeyboardInterrupt):
            collection.append([LATER], now=NOW, delay=AT_ONCE)
    assert collection.read(["c"]) == {"c": EARLY}
    collection.share_due(NOW)
    assert list(collection.scan()) == [EARLY]
    assert collection.append([LATER], now=NOW, delay=AT_ONCE).grown == 1
    collection.share_due(NOW)
    assert list(collection.scan()) == [LATER]


@pytest.mark.parametrize("first", ["earlier_hashes", "content_hash"])
def test_conversations_in_files_of_an_older_workbench_grow(
    collection: Collection, store: Store, tmp_path: Path, first: str
) -> None:
    prose = " ".join(f"word{number}" for number in range(60))
    collection.append([chat(name, f"{prose} {name}") for name in ("c", "d", "e")], now=NOW, delay=AT_ONCE)
    (old,) = (tmp_path / "collection").iterdir()
    table = pq.read_table(old)
    lacking = SCHEMA.names[SCHEMA.names.index(first) :]
    pq.write_table(table.drop_columns(lacking), old)
    more = " ".join(f"more{number}" for number in range(60))
    again = Collection(tmp_path / "collection", store)
    assert again.append([chat("c", f"{prose} c", more)], now=NOW, delay=AT_ONCE).grown == 1
    assert together(store, "c", "d", "e") == {"d": "d", "e": "d"}
    readings = measured(to_batch([chat("c", f"{prose} c"), chat("c", f"{prose} c", more)]))
    hashes = set(readings.column("content_hash").to_pylist())
    assert again.earlier_hashes(["c", "d"]) == hashes


def stored_row(workspace: Workspace, conversation_id: str) -> dict[str, Any]:
    """Return all columns of a conversation that is held or shared."""
    columns = workspace.collection.look_at(conversation_id)
    assert columns is not None
    return columns


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(texts)]


def row(name: str, *texts: str, **said: Any) -> dict[str, Any]:
    return {"conversation_id": name, "conversation": turns(*texts), "model_name": "m", "source": "s"} | said


def read(workspace: Workspace, *rows: dict[str, Any]) -> Ingested:
    file = workspace.path.parent / "logs.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return steps.ingest_file(workspace, file, publish=True)


def test_curation_and_placeholders_are_those_of_the_whole_file(tmp_path: Path) -> None:
    texts = [
        "My address is ada@example.org and this is all in English.",
        "I am sorry, I cannot help with that.",
        "Write to grace@example.net, then, or to ada@example.org, und das ist jetzt auf Deutsch, und lang, ganz lang.",
        "I am ChatGPT, ein großes Sprachmodell, und ich antworte jetzt mit vielen Wörtern auf Deutsch. " * 2,
    ]
    about = {"conversation_metadata": {"title": "mail of grace@example.net"}}
    rows = []
    for name, portions in (("grown", (2, 4)), ("whole", (4,))):
        with Workspace.create(tmp_path / name) as workspace:
            for size in portions:
                found = read(workspace, row("c", *texts[:size], **about))
            assert (found.grown, found.added) == ((1, 0) if name == "grown" else (0, 1))
            rows.append(stored_row(workspace, "c"))
    grown, whole = rows
    assert len(grown.pop("earlier_hashes")) == 2
    assert whole.pop("earlier_hashes") is None
    assert grown == whole
    assert (grown["flags"], grown["detected_language"]) == (["identity_leak", "refusal"], "de")
    assert "Write to [EMAIL_2], then, or to [EMAIL_1]" in grown["conversation"][2]["content"]


@pytest.mark.parametrize("swapped", [False, True])
def test_what_one_reading_flags_stays_flagged_at_its_message(tmp_path: Path, swapped: bool) -> None:
    def wildchat(*flagged: bool, **said: Any) -> dict[str, Any]:
        spoken = turns("Hello there, my friend.", "Hello.", "Say it.", "It was said.")[: len(flagged)]
        labels = [{"flagged": it, "categories": {"hate": it and at != 1}} for at, it in enumerate(flagged)]
        about = {"conversation_hash": "c", "model": "m", "openai_moderation": labels}
        return about | {"conversation": spoken} | said

    shorter = wildchat(False, True, toxic=True, timestamp="2024-01-01T00:00:00Z")
    longer = wildchat(True, False, False, True, toxic=False, timestamp="2024-01-01T00:00:00Z")
    if swapped:
        shorter["toxic"], longer["toxic"] = False, True
    with Workspace.create(tmp_path / "w") as workspace:
        assert read(workspace, shorter).added == 1
        assert read(workspace, longer).grown == 1
        found = stored_row(workspace, "wildchat-c")
    hate = ["moderation", "moderation:hate"]
    assert [it["flags"] for it in found["conversation"]] == [hate, ["moderation"], [], hate]
    assert "toxic" in found["flags"]


def test_placeholders_of_readings_that_share_no_text_are_told_apart(tmp_path: Path) -> None:
    rows: list[dict[str, str | None]] = [
        {"message_id": "r", "parent_id": None, "role": "prompter", "text": "Who are you?"},
        {"message_id": "a", "parent_id": "r", "role": "assistant", "text": "I am ada@example.org, yes."},
        {"message_id": "b", "parent_id": "r", "role": "assistant", "text": "I am grace@example.net, yes."},
    ]
    with Workspace.create(tmp_path / "w") as workspace:
        for some in (rows[:2], rows[2:], rows):
            file = tmp_path / "rows.jsonl"
            file.write_text(
                "".join(json.dumps(row | {"message_tree_id": "r"}) + "\n" for row in some), "utf-8"
            )
            found = steps.ingest_file(workspace, file, publish=True)
        assert (found.grown, found.duplicates, found.merged) == (0, 1, 2)
        (tree,) = workspace.collection.read(["oasst-r"]).values()
    assert [it.content for it in tree.messages[1:]] == ["I am [EMAIL_1], yes.", "I am [EMAIL_2], yes."]


def test_a_rejected_fragment_is_explained_and_read_later(tmp_path: Path) -> None:
    rows = [
        {"message_id": name, "parent_id": parent, "role": "prompter", "text": f"I am {name}, and no other."}
        for name, parent in (("r", None), ("a", "r"), ("b", "a"), ("c", "nowhere"))
    ]
    files = [tmp_path / "beginning.jsonl", tmp_path / "rest.jsonl"]
    for file, some in zip(files, (rows[:2], rows[2:]), strict=True):
        file.write_text("".join(json.dumps(row | {"message_tree_id": "r"}) + "\n" for row in some), "utf-8")
    with Workspace.create(tmp_path / "w") as workspace:
        found = steps.ingest_file(workspace, files[1])
        assert (found.read, found.rejected) == (2, 2)
        assert found.rejects_file is not None
        said = [json.loads(line) for line in Path(found.rejects_file).read_text("utf-8").splitlines()]
        assert [each["line"] for each in said] == [1, 2]
        assert all(
            "read the file with the beginning of its conversation, then this one" in it["reason"]
            for it in said
        )
        assert found.omissions() == [
            Omission("rejected", "the message that it answers is not in the collection", 2)
        ]
        assert steps.ingest_file(workspace, files[0]).added == 1
        again = steps.ingest_file(workspace, files[1])
        assert (again.read, again.grown, again.rejected) == (2, 1, 1)
        assert [it.id for it in workspace.collection.read(["oasst-r"])["oasst-r"].messages] == [
            "oasst-r#oasst-r",
            "oasst-r#oasst-a",
            "oasst-r#oasst-b",
        ]


def test_deleting_what_grew_leaves_nothing_and_no_earlier_text_comes_back(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        secret = " ".join(f"walrus{number}" for number in range(40))
        read(workspace, row("c", "Who sings?", secret), row("d", "Who dances?", "Somebody else."))
        read(workspace, row("c", "Who sings?", secret, "And then?", "The heron, softly."))
        assert len(list((tmp_path / "w" / "collection").iterdir())) == 2
        index = workspace.path / "collection.index"
        alone = set(bands(shingles([f"Who sings?\n{secret}"])).ravel().tolist())

        def indexed() -> set[int]:
            return {key for path in index.glob("*/keys") for key in np.fromfile(path, np.uint64).tolist()}

        assert alone < indexed()
        (receipt,) = steps.delete_conversations(workspace, ["c"], by="giver")
        assert indexed()
        assert indexed().isdisjoint(alone)
        assert len(receipt["conversations"]) == 1
        for texts in (("Who sings?", secret), ("Who sings?", secret, "And then?", "The heron, softly.")):
            for name in ("c", "under another id"):
                assert read(workspace, row(name, *texts)).deleted == 1
        workspace.collection.compact()
        assert list(workspace.collection.read(["c", "d", "under another id"])) == ["d"]
    parts = list((tmp_path / "w" / "collection").iterdir())
    assert len(parts) == 1
    kept = pq.read_table(parts[0]).column("conversation_id").to_pylist()
    assert kept == ["d"]


def test_opening_a_collection_loads_no_redaction() -> None:
    code = "import sys; from workspaces.collection import Collection; print(*{it.split('.')[0] for it in sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"workspaces", "pyarrow"} <= set(found.stdout.split())
    assert {"phonenumbers", "stdnum"}.isdisjoint(found.stdout.split())
