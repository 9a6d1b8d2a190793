"""What goes wrong outside of the program is one line with a remedy and an exit code, and can steer no terminal."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
from typing import TYPE_CHECKING

import argilla
import httpx
import openai
import psycopg
import pytest
import requests
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from label_studio_sdk.core.api_error import ApiError

from chatfeedback import __main__ as program
from chatfeedback.cli import output
from chatfeedback.failures import foreseen
from chatfeedback.safe_text import safe, safe_json
from workspaces.errors import UsageError, WorkbenchError, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workspaces.workspace import Workspace

CONTROL = "\x1b]0;title\x07\x1b[2J\x9b31m\u202e\x7f"


@pytest.fixture
def say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], workspace: Workspace
) -> Callable[[BaseException], tuple[int, str]]:
    """Let any command fail with an error; return its exit code and what it wrote to standard error."""

    def fail(error: BaseException) -> tuple[int, str]:
        def broken(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr("chatfeedback.cli.setup.shutil.disk_usage", broken)
        monkeypatch.setattr(sys, "argv", ["chatfeedback", "doctor", "--workspace", str(workspace.path)])
        with pytest.raises(SystemExit) as ended:
            program.main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return fail


def database(message: str) -> sa.exc.OperationalError:
    return sa.exc.OperationalError("INSERT INTO secret_table", {"x": 1}, sqlite3.OperationalError(message))


REQUEST = httpx.Request("POST", "http://127.0.0.1")
CASES = [
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/w/a"), 1, "/w/a: No space left on device: the disk is full: free space"),  # noqa: E501
    (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), 1, "free space"),
    (PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/w/a"), 1, "change its permissions"),
    (OSError(errno.EROFS, os.strerror(errno.EROFS), "/w/a"), 1, "can only be read"),
    (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), 1, "ulimit -n"),
    (OSError("no number"), 1, "no number: check the place"),
    (RuntimeError("Symlink loop from '/w'"), 1, "go in a circle"),
    (MemoryError(), 1, "too little memory"),
    (database("database is locked"), 4, "database is locked: another program holds it: close that"),
    (database("database or disk is full"), 4, "free space on its disk"),
    (database("attempt to write a readonly database"), 4, "make the file and its folder writable"),
    (database("disk I/O error"), 4, "free space and check its disk"),
    (sa.exc.DatabaseError("x", {}, sqlite3.DatabaseError("database disk image is malformed")), 4, "restore"),
    (sqlite3.OperationalError("database is locked"), 4, "close that"),
    (sa.exc.OperationalError("x", {}, psycopg.errors.DiskFull("No space left")), 4, "server's disk"),
    (sa.exc.OperationalError("x", {}, psycopg.OperationalError("closed")), 4, "check that the database runs"),
    (httpx.ReadTimeout("slow", request=REQUEST), 4, "a server did not do as asked (ReadTimeout: slow)"),
    (requests.ConnectionError("gone"), 4, "chatfeedback doctor"),
    (openai.OpenAIError("broken"), 4, "the LLM did not do as asked"),
    (ApiError(status_code=500, body="broken"), 4, "Label Studio did not do as asked"),
    (argilla._exceptions._api.ArgillaAPIError("broken"), 4, "Argilla did not do as asked"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code", "expected"), CASES, ids=[str(number) for number in range(len(CASES))]
)
def test_a_failure_of_the_machine_a_database_or_a_library_is_said_with_a_remedy(
    say: Callable[[BaseException], tuple[int, str]], error: Exception, code: int, expected: str
) -> None:
    ended, said = say(error)
    assert ended == code
    assert expected in said
    assert said.startswith("chatfeedback: ")
    assert said.count("\n") == 1
    assert "secret_table" not in said
    assert "unexpected" not in said


def test_a_cause_below_is_found_and_our_own_error_wins() -> None:
    wrapped = ValueError("what a library says")
    wrapped.__cause__ = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/w")
    assert "the disk is full" in str(foreseen(wrapped))
    wrapped.__cause__ = UsageError("ours")
    assert isinstance(foreseen(wrapped), UsageError)
    circle = ValueError("a")
    circle.__context__ = circle
    assert foreseen(circle) is None


def test_a_fault_of_ours_is_none_of_these(say: Callable[[BaseException], tuple[int, str]]) -> None:
    for error in (KeyError("x"), sa.exc.IntegrityError("x", {}, sqlite3.IntegrityError("UNIQUE"))):
        code, said = say(error)
        assert (code, said.startswith("chatfeedback: unexpected")) == (1, True)


@pytest.mark.parametrize("debug", ["0", "1"])
def test_no_error_steers_the_terminal(
    say: Callable[[BaseException], tuple[int, str]], monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    monkeypatch.setenv("CHATFEEDBACK_DEBUG", debug)
    for error in (
        WorkbenchError(CONTROL),
        KeyError(CONTROL),
        OSError(1, CONTROL, CONTROL),
        database(CONTROL),
    ):
        _, said = say(error)
        assert [character for character in said if character != "\n" and not character.isprintable()] == []


@given(st.text())
def test_nothing_that_is_printed_steers_the_terminal(text: str) -> None:
    assert all(
        character in "\n\t\u200c\u200d" or character.isprintable() or character == " " or character.isspace()
        for character in safe(text)
    )
    plain = json.dumps({"text": text}, ensure_ascii=False)
    assert json.loads(safe_json(plain)) == {"text": text}
    assert not set(safe_json(plain)) & set("\x1b\x07\x9b\x7f\u202e\u2028")


def test_every_way_to_print_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    output.say(CONTROL)
    output.note(CONTROL)
    output.table(CONTROL, [CONTROL], [[CONTROL], ["[red]as it is[/red]"]])
    output.emit_json({CONTROL: CONTROL})
    with output.progress(CONTROL) as advance:
        advance(1)
    said = capsys.readouterr()
    assert not (set(said.out) | set(said.err)) & set(CONTROL) - set("title0J231m;[]")
    assert "[red]as it is[/red]" in said.out


def test_text_between_colons_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.say("said :smile:")
    output.note("noted :smile:")
    output.table("titled :smile:", [":warning:"], [["a cell :smile:"]])
    written = "".join(capsys.readouterr())
    for text in ("said :smile:", "noted :smile:", "titled :smile:", ":warning:", "a cell :smile:"):
        assert text in written


def test_a_reason_has_no_number_and_no_path_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as gone:
        (tmp_path / "gone").read_text("utf-8")
    assert reason_of(gone.value) == "No such file or directory"
    with pytest.raises(UnicodeDecodeError) as no_text:
        b"\xff".decode()
    assert reason_of(no_text.value) == "it is no text in UTF-8"
    assert reason_of(OSError("two\nlines")) == "two lines"
    assert reason_of(ValueError()) == "ValueError"
