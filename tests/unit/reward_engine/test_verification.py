"""``ledger verify``: what is found, against what, on both databases; checkpoints, exports and corrections."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes
from typer.testing import CliRunner

from chatfeedback.__main__ import main
from chatfeedback.cli import app
from reward_engine import (
    Posting,
    Purchase,
    Tip,
    adjust,
    capture,
    due,
    post,
    posted,
    reserve,
    settle,
    tip,
    verification,
    verify,
    wallet,
)
from reward_engine.accounts import credit, requested_entries, split_debt
from reward_engine.chain import GENESIS, _entries, chain_hash, request_hash
from reward_engine.checkpoints import Checkpoint, read_checkpoint, write_checkpoint
from reward_engine.ledger_export import export_ledger
from tests.sample_records import ALL_TAGS, NOW, annotation, minutes, task
from tests.stores import unguarded
from workspaces.errors import UsageError
from workspaces.records import ChatMode
from workspaces.store.annotations import AnnotationRevision, save_revisions
from workspaces.store.tasks import save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from reward_engine import Verification
    from tests.stores import Stores
    from workspaces.store import Store

LONG = {"max_size": 20}


@pytest.fixture
def busy(store: Store) -> Store:
    """A store with three settled answers, a correction, a purchase, and a hold under way."""
    return fill(store)


def fill(store: Store) -> Store:
    tasks = {"t": task("t", {"qualities": 9})}
    answers = [annotation("t", person, ALL_TAGS, at=minutes(n)) for n, person in enumerate("abc")]
    with store.write() as connection:
        save_tasks(connection, list(tasks.values()))
        save_revisions(
            connection,
            [
                AnnotationRevision(
                    annotation_id=each.id,
                    revision=each.revision,
                    task_id=each.task_id,
                    person_id=each.person_id,
                    platform=each.platform,
                    response_id=each.id,
                    status=each.status,
                    answers=dict(each.values),
                    content_hash="",
                    updated_at=each.updated_at,
                    synced_at=each.updated_at,
                )
                for each in answers
            ],
        )
        settle(connection, due(tasks, answers, posted(connection), {}, lambda _: None), NOW)
        adjust(connection, "a", 5, reason="lost answers", author="Grace", rules_version="1", now=NOW)
        purchase = Purchase("model-x", ChatMode.DIRECT, 4, "1")
        for name in ("bought", "under way"):
            reserve(connection, "a", purchase, hold_id=name, now=NOW, expires_at=minutes(10))
        capture(connection, "bought", 3, now=minutes(1))
    return store


def verified(store: Store, *anchors: tuple[str, Tip | str]) -> Verification:
    with store.read() as connection:
        return verify(connection, anchors)


def noted(store: Store) -> Tip:
    with store.read() as connection:
        return tip(connection)


def tamper(store: Store, *statements: str) -> None:
    with unguarded(store) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_ledger_with_everything_in_it_is_whole(busy: Store) -> None:
    found = verified(busy, ("the test", noted(busy)), ("the test", noted(busy).hash), ("genesis", GENESIS))
    assert found.problems == ()
    assert (found.transactions, found.entries, found.tip) == (7, 15, noted(busy))


TAMPERINGS = {
    "an edited amount": (
        ["UPDATE ledger_entry SET amount = amount * 2 WHERE sequence = 2"],
        "transaction 2 was changed",
    ),
    "an edited reason": (
        ["UPDATE ledger_transaction SET reason = 'gift' WHERE sequence = 4"],
        "transaction 4 was changed",
    ),
    "a deleted row": (
        [
            "DELETE FROM settlement WHERE sequence = 2",
            "DELETE FROM ledger_entry WHERE sequence = 2",
            "DELETE FROM ledger_transaction WHERE sequence = 2",
        ],
        "transaction 2 is missing",
    ),
    "two swapped": (
        [
            f"UPDATE {table} SET sequence = {after} WHERE sequence = {before}"
            for before, after in ((1, 99), (3, 1), (99, 3))
            for table in ("ledger_transaction", "ledger_entry", "settlement")
        ],
        "transaction 1 does not follow the one before it",
    ),
    "a deleted entry": (
        ["DELETE FROM ledger_entry WHERE sequence = 3 AND account = 'treasury'"],
        "transaction 3 does not sum to zero",
    ),
    "a balance": (
        ["UPDATE ledger_balance SET balance = balance + 100 WHERE account = 'person:b'"],
        "the balance kept for person:b is not the sum of its entries, 9",
    ),
    "what somebody earned": (
        ["UPDATE ledger_balance SET earned = 100 WHERE account = 'person:b'"],
        "the balance kept for person:b",
    ),
    "a balance that is gone": (
        ["DELETE FROM ledger_balance WHERE account = 'person:b'"],
        "the balance kept for person:b",
    ),
    "a settlement that is gone": (
        ["DELETE FROM settlement WHERE sequence = 2"],
        "transaction 2 has no answer, correction or purchase behind it",
    ),
    "a settlement of other points": (
        ["UPDATE settlement SET delta = 8 WHERE sequence = 2"],
        "transaction 2 is not what was settled",
    ),
    "an answer that is gone": (
        ["DELETE FROM annotation_revision WHERE annotation_id = 't/b'"],
        "transaction 2 was settled for a revision of an answer that is not there",
    ),
    "an answer of somebody else": (
        ["UPDATE annotation_revision SET person_id = 'c' WHERE annotation_id = 't/b'"],
        "transaction 2 was settled for a revision of an answer that is not there",
    ),
    "a hold that is gone": (
        ["DELETE FROM hold WHERE hold_id = 'under way'"],
        "held:a is 4, its holds under way come to 0",
    ),
    "a hold of another price": (
        ["UPDATE hold SET price = 1 WHERE hold_id = 'under way'"],
        "the hold of transaction 6 is not what was posted",
    ),
    "an outcome that is gone": (
        ["DELETE FROM hold_outcome"],
        "transaction 7 has no answer, correction or purchase behind it",
    ),
    "another outcome": (
        ["UPDATE hold_outcome SET spent = 0"],
        "the end of a hold in transaction 7 is not what was posted",
    ),
}


@pytest.mark.parametrize(("statements", "said"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_tampering_is_found_and_named(busy: Store, statements: list[str], said: str) -> None:
    tamper(busy, *statements)
    found = verified(busy).problems
    assert [problem for problem in found if problem.startswith(said)], found


CUT = [
    *(f"DELETE FROM {table} WHERE sequence > 4" for table in ("hold_outcome", "hold", "ledger_entry")),
    "DELETE FROM ledger_transaction WHERE sequence > 4",
    "DELETE FROM ledger_balance WHERE account IN ('held:a', 'spent')",
    "UPDATE ledger_balance SET balance = 14 WHERE account = 'person:a'",
]
"""A tail cut off with care: nothing that is left tells of it."""


def test_a_tail_that_was_cut_off_is_found_against_what_was_noted_before(busy: Store) -> None:
    before = noted(busy)
    tamper(busy, *CUT)
    assert verified(busy).problems == ()
    for anchor in (before, before.hash):
        (problem,) = verified(busy, ("the manifest", anchor)).problems
        assert "was noted in the manifest and is not there" in problem


def test_a_tail_that_was_rewritten_is_found_against_what_was_noted_before(busy: Store) -> None:
    before = noted(busy)
    tamper(busy, *CUT)
    with busy.write() as connection:
        for number in range(3):
            reason = f"gift {number}"
            adjust(connection, "b", 9, reason=reason, author="Mallory", rules_version="1", now=NOW)
    assert noted(busy).sequence == before.sequence
    assert verified(busy).problems == ()
    assert len(verified(busy, ("the manifest", before)).problems) == 1


def test_a_noted_tip_with_another_number_is_not_believed(busy: Store) -> None:
    before = noted(busy)
    assert verified(busy, ("the test", replace(before, sequence=3))).problems


def test_a_credit_from_nowhere_is_found(busy: Store) -> None:
    with busy.write() as connection:
        post(connection, [Posting("bonus", credit("a", 5), "why not", "", NOW)], NOW)
    assert verified(busy).problems == (
        "transaction 8 has no answer, correction or purchase behind it",
        "transaction 8 names no version of the rules",
    )


def test_a_ledger_longer_than_what_is_read_at_a_time_is_verified(
    busy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (1, 2, 3, 7, 8):
        monkeypatch.setattr(verification, "BATCH", size)
        looked_at: list[int] = []
        with busy.read() as connection:
            found = verify(connection, (), looked_at.append)
        assert (found.problems, found.transactions, found.entries, sum(looked_at)) == ((), 7, 15, 7)
    monkeypatch.setattr(verification, "BATCH", 2)
    tamper(busy, "INSERT INTO ledger_entry VALUES (99, 'person:a', 5)")
    assert "entries of transaction 99 belong to no transaction" in verified(busy).problems


# hashes and accounts


@given(
    st.text(), st.dictionaries(st.text(), st.integers(-(2**62), 2**62)), st.datetimes(), st.integers(0, 2**31)
)
def test_the_canonical_form_is_what_json_writes(
    text: str, entries: dict[str, int], time: datetime, number: int
) -> None:
    at = time.replace(tzinfo=UTC)
    try:
        text.encode()
        "".join(entries).encode()
    except UnicodeEncodeError:
        return
    written = json.dumps(entries, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert _entries(entries) == written
    assert request_hash(text, entries, text, text, at) == hash_of(
        {"entries": entries, "event_at": at.isoformat(), "key": text, "reason": text, "rules_version": text}
    )
    assert chain_hash(
        sequence=number,
        key=text,
        entries=entries,
        reason=text,
        rules_version=text,
        event_at=at,
        created_at=at,
        request=text,
        previous=text,
    ) == hash_of(
        {
            "created_at": at.isoformat(),
            "entries": entries,
            "event_at": at.isoformat(),
            "key": text,
            "previous_hash": text,
            "reason": text,
            "request_hash": text,
            "rules_version": text,
            "sequence": number,
        }
    )


def hash_of(content: dict[str, object]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


@given(st.integers(-50, 50).filter(bool), st.integers(0, 60), st.integers(0, 60))
def test_what_is_owed_changes_neither_sums_nor_requests(points: int, have: int, owing: int) -> None:
    have = 0 if owing else have
    entries = split_debt(credit("a", points), {"person:a": have, "owed:a": -owing})
    assert sum(entries.values()) == 0
    assert all(entries.values())
    assert requested_entries(entries) == credit("a", points)
    person, owed = have + entries.get("person:a", 0), -owing + entries.get("owed:a", 0)
    assert person >= 0 >= owed
    assert person + owed == have - owing + points
    assert person == 0 or owed == 0


# checkpoints


KEY = SecretBytes(b"k" * 32)


def test_a_checkpoint_is_read_back() -> None:
    checkpoint = Checkpoint(Tip(7, "a" * 64), NOW)
    assert read_checkpoint(write_checkpoint(checkpoint, KEY), KEY) == checkpoint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sequence", 6),
        ("hash", "b" * 64),
        ("created_at", "2020-01-01T00:00:00+00:00"),
        ("signature", "0" * 64),
    ],
)
def test_a_changed_checkpoint_is_refused(field: str, value: object) -> None:
    found = json.loads(write_checkpoint(Checkpoint(Tip(7, "a" * 64), NOW), KEY))
    with pytest.raises(UsageError, match="its signature is not this workspace's"):
        read_checkpoint(json.dumps(found | {field: value}), KEY)


def test_a_checkpoint_of_another_workspace_is_refused() -> None:
    text = write_checkpoint(Checkpoint(Tip(7, "a" * 64), NOW), SecretBytes(b"x" * 32))
    with pytest.raises(UsageError, match="of another one"):
        read_checkpoint(text, KEY)


@pytest.mark.parametrize("text", ["", "{}", "[]", "7", '{"sequence": "x"}', '{"sequence": 1, "hash": 2}'])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="it is no checkpoint"):
        read_checkpoint(text, KEY)


# files


def test_the_ledger_is_written_as_csv_and_parquet(busy: Store, tmp_path: Path) -> None:
    for _ in range(2):
        with busy.read() as connection:
            count, (csv_path, parquet_path) = export_ledger(connection, tmp_path / "out")
    assert count == 15
    table = pq.read_table(parquet_path).to_pylist()
    with csv_path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert [(int(line["sequence"]), line["account"], int(line["amount"])) for line in lines] == [
        (row["sequence"], row["account"], row["amount"]) for row in table
    ]
    assert sum(row["amount"] for row in table) == 0
    assert table[0]["reason"] == "qualities of a qualitative task of medium significance"
    assert table[0]["event_at"] == NOW
    assert table[-1]["hash"] == noted(busy).hash
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ledger.csv", "ledger.parquet"]


# commands, on a workspace whose store is either database


@pytest.fixture
def folder(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a busy ledger."""
    configuration = "version: 1\nplatforms: {argilla: {}}\n"
    if stores.kind == "postgresql":
        monkeypatch.setenv("SOME_STORE", stores.url())
        configuration += "store: {url_env: SOME_STORE}\n"
    with Workspace.create(tmp_path / "w", configuration) as made:
        assert made.store.is_shared == (stores.kind == "postgresql")
        person = made.pseudonyms.on_platform("argilla")("ada@example.org")
        assert person
        fill(made.store)
    return tmp_path / "w"


def run(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """Run a command as the program does; return its exit code, output and message."""
    ran = CliRunner().invoke(app, [*arguments, "--workspace", str(folder)])
    code = getattr(ran.exception, "exit_code", ran.exit_code) if ran.exception else ran.exit_code
    return code, ran.output, str(ran.exception or "")


def test_verify_says_that_all_is_well_or_what_is_not(folder: Path) -> None:
    code, output, _ = run("ledger", "verify", folder=folder)
    assert code == 0
    assert "7 transactions, 15 entries" in output
    code, output, _ = run("ledger", "verify", "--json", folder=folder)
    assert (code, json.loads(output)["whole"]) == (0, True)
    with Workspace.open(folder) as opened:
        tamper(opened.store, "UPDATE ledger_transaction SET reason = 'gift' WHERE sequence = 4")
    code, output, said = run("ledger", "verify", "--json", folder=folder)
    assert code == 1
    assert json.loads(output)["problems"][0] == "transaction 4 was changed"
    assert said == "the ledger is not whole: 2 problems found"
    assert run("ledger", "checkpoint", folder=folder)[0] == 1
    assert not (folder / "ledger-checkpoint.json").exists()


def test_a_checkpoint_or_a_manifest_or_a_tip_tells_of_a_tail_that_was_cut_off(
    folder: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    for arguments in ((), ("--output", str(elsewhere))):
        assert run("ledger", "checkpoint", *arguments, folder=folder)[0] == 0
    with Workspace.open(folder) as opened:
        before = noted(opened.store)
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"ledger_tip": before.hash}))
    ways = (["--checkpoint", str(elsewhere)], ["--manifest", str(manifest)], ["--tip", before.hash])
    for way in ([], *ways):
        assert run("ledger", "verify", *way, folder=folder)[0] == 0
    with Workspace.open(folder) as opened:
        tamper(opened.store, *CUT)
    assert run("ledger", "verify", folder=folder)[0] == 1  # by the workspace's own checkpoint
    (folder / "ledger-checkpoint.json").unlink()
    assert run("ledger", "verify", folder=folder)[0] == 0
    for way in ways:
        assert run("ledger", "verify", *way, folder=folder)[0] == 1, way


def test_a_correction_is_made_once_and_says_who_made_it_and_why(folder: Path) -> None:
    arguments = ["ledger", "adjust", "ada@example.org", "-3", "--reason", "a mistake", "--author", "Grace"]
    assert "Transaction 8: -3 points" in run(*arguments, folder=folder)[1]
    assert "is transaction 8 already" in run(*arguments, folder=folder)[1]
    code, output, _ = run("wallet", "ada@example.org", "--json", folder=folder)
    assert code == 0
    found = json.loads(output)
    assert (found["balance"], found["held"], found["owed"]) == (0, 0, 3)  # there was nothing to take
    assert [(it["points"], it["reason"]) for it in found["movements"]] == [
        (-3, "correction by Grace: a mistake")
    ]
    assert "Balance: 0 points, 3 owed" in run("wallet", "ada@example.org", folder=folder)[1]
    assert run("ledger", "verify", folder=folder)[0] == 0
    assert run(*arguments[:2], "nobody", *arguments[3:], folder=folder)[0] == 2
    assert run(*arguments[:5], " ", *arguments[6:], folder=folder)[0] == 2
    assert run(*arguments[:3], "0", *arguments[4:], folder=folder)[0] == 2


def test_settling_gives_back_what_expired(folder: Path) -> None:
    assert run("settle", folder=folder)[0] == 0
    with Workspace.open(folder) as opened, opened.store.read() as connection:
        found = wallet(connection, "a")
        assert (found.balance, found.held) == (11, 0)
    assert run("ledger", "verify", folder=folder)[0] == 0


def test_the_export_command_writes_both_files(folder: Path) -> None:
    code, output, _ = run("ledger", "export", "--json", folder=folder)
    assert (code, json.loads(output)["entries"]) == (0, 15)
    assert (folder / "exports" / "ledger" / "ledger.parquet").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tip", "abc"], "hexadecimal digits"),
        (["--manifest", "missing.json"], "is no manifest of an export"),
        (["--checkpoint", "missing.json"], "cannot be read"),
    ],
)
def test_a_note_that_is_none_is_a_mistake_in_usage(folder: Path, arguments: list[str], said: str) -> None:
    code, _, message = run("ledger", "verify", *arguments, folder=folder)
    assert code == 2
    assert said in message


@pytest.mark.filterwarnings("ignore:Support for class-based:DeprecationWarning")
def test_the_doctor_looks_at_the_ledger_and_never_prints_a_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(folder) as opened:
        is_shared = opened.store.is_shared
        address = opened.store.engine.url.set(password="hush").render_as_string(hide_password=False)  # noqa: S106
    if is_shared:
        monkeypatch.setenv("SOME_STORE", address)
    _, output, _ = run("doctor", "--json", folder=folder)
    found = json.loads(output)
    assert found["ledger"] == {"ok": True, "detail": "7 transactions, whole"}
    assert found["store"]["detail"].startswith("postgresql" if is_shared else "sqlite")
    assert "hush" not in output


def test_a_store_whose_variable_is_not_set_is_a_mistake_in_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SOME_STORE", raising=False)
    (tmp_path / "chatfeedback.yaml").write_text(
        "version: 1\nplatforms: {argilla: {}}\nstore: {url_env: SOME_STORE}\n"
    )
    monkeypatch.setattr("sys.argv", ["chatfeedback", "leaderboard", "--workspace", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert "set the environment variable SOME_STORE" in capsys.readouterr().err
    assert not (tmp_path / "chatfeedback.db").exists()
