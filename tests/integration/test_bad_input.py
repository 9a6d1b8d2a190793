"""What the command says of bad input: one line, a documented exit code, and nothing half-written.

Most cases run the command inside this process, which is the same code a hundred times faster; those that need an
SDK or a server run the real one.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from chatfeedback import __main__ as program
from workspaces.store.seed_feedback import latest_seeds
from workspaces.store.spending import spent
from workspaces.workspace import STORE_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.shared_servers import TestServer

USAGE, CONFIGURATION, UNREACHABLE, ROWS_REJECTED, OTHER = 2, 3, 4, 5, 1


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def problems(self) -> list[str]:
        """The lines on standard error, without the one that names the next command."""
        return [line for line in self.err.splitlines() if not line.startswith("Next: ")]

    def line(self, code: int, *expected: str) -> str:
        """Return the one line on standard error, after checking it, the exit code and that there is no more."""
        assert self.code == code, self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        assert lines[0].startswith("chatfeedback: "), self
        assert "Traceback" not in self.err
        assert "unexpected" not in self.err, "an error that nobody foresaw"
        missing = [text for text in expected if text not in lines[0]]
        assert not missing, f"{missing} should stand in: {lines[0]}"
        return lines[0]


class Shell:
    """Runs the command in one workspace."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capture = capture
        self._patch = patch

    def __call__(self, *arguments: str, **environment: str) -> Said:
        """Run inside this process."""
        for name, value in environment.items():
            self._patch.setenv(name, value)
        self._patch.setattr(sys, "argv", ["chatfeedback", *arguments, "--workspace", str(self.folder)])
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            program.main()
        said = self._capture.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    def real(self, *arguments: str, **environment: str) -> Said:
        """Run as a process of its own."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        done = subprocess.run(
            [sys.executable, "-m", "chatfeedback", *arguments, "--workspace", str(self.folder)],
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def configure(self, text: str) -> None:
        (self.folder / "chatfeedback.yaml").write_text(text, encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        """Return every file of the workspace but its lock, and the note of how what will be stored is redacted."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in {".lock", "redaction.json"}
        }


@pytest.fixture
def shell(workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setattr("workspaces.platforms.base.FIRST_PAUSE", 0.01)  # as patient, but quicker
    return Shell(workspace.path, capsys, monkeypatch)


def conversation(number: int = 1, **changed: Any) -> dict[str, Any]:
    row = {
        "conversation_id": f"c{number}",
        "conversation": [
            {"role": "user", "content": f"What is {number} plus {number}?"},
            {"role": "assistant", "content": f"It is {2 * number}, because it is twice {number}."},
        ],
        "model_name": "a-model",
        "source": "a-test",
    }
    return row | changed


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def platform(name: str, url: str, key: str | None = "TEST_BAD_KEY") -> str:
    return f"version: 1\nplatforms: {{{name}: {{url: '{url}', api_key_env: {key or 'null'}}}}}\n"


def refresh_token() -> str:
    """Return a token of the shape that Label Studio gives, which it never gave."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"token_type": "refresh", "exp": 32503680000})
    head, body = (base64.urlsafe_b64encode(json.dumps(it).encode()).decode().rstrip("=") for it in parts)
    return f"{head}.{body}.c2lnbmF0dXJl"


# The workspace and its configuration


def test_no_workspace(shell: Shell, tmp_path: Path) -> None:
    shell.folder = tmp_path / "nothing here"
    shell.folder.mkdir()
    shell("status").line(CONFIGURATION, str(shell.folder / "chatfeedback.yaml"), "chatfeedback init")
    assert shell.files() == {}


def test_a_real_process_says_the_same(shell: Shell, tmp_path: Path) -> None:
    shell.folder = tmp_path / "nothing here"
    assert shell.real("status") == shell("status")
    assert not shell.folder.exists()


@pytest.mark.parametrize(
    ("name", "key"),
    [("argilla", "a key"), ("label_studio", refresh_token())],
    ids=["Argilla", "Label Studio"],
)
def test_a_real_process_says_the_same_of_a_platform(shell: Shell, name: str, key: str) -> None:
    shell.configure(platform(name, f"http://127.0.0.1:{closed_port()}"))
    invite = ("people", "invite", "ada@example.org")
    real = shell.real(*invite, TEST_BAD_KEY=key)
    assert real.code == UNREACHABLE
    assert real == shell(*invite, TEST_BAD_KEY=key)


SMALLEST = "version: 1\nplatforms: {argilla: {url: managed}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("platforms: [unclosed", ["not YAML", "line 1"], id="not YAML"),
        pytest.param("- a\n- list\n", ["keys and values", "list"], id="a list"),
        pytest.param("", ["keys and values"], id="empty"),
        pytest.param(
            SMALLEST + "mixx: {}\n", ["'mixx'", "not a known key", "mix", "rates"], id="unknown key"
        ),
        pytest.param(
            "version: 1\nplatforms: {argilla: {urll: managed}}\n",
            ["'platforms.argilla.urll'", "not a known key", "url", "api_key_env"],
            id="unknown key inside",
        ),
        pytest.param(
            SMALLEST + "mix: {overlap: many}\n", ["'mix.overlap'", "integer", "'many'"], id="wrong type"
        ),
        pytest.param(SMALLEST + "mix: 3\n", ["'mix'", "overlap", "3"], id="a number for a group"),
        pytest.param("platforms: {argilla: {url: managed}}\n", ["'version'", "missing"], id="no version"),
        pytest.param("version: 1\n", ["'platforms'", "missing"], id="no platforms"),
        pytest.param("version: 1\nplatforms: {}\n", ["platform", "argilla", "label_studio"], id="none named"),
        pytest.param(SMALLEST + "rates: {qualities: -1}\n", ["'rates.qualities'", "0", "-1"], id="negative"),
        pytest.param(SMALLEST + "consent: {delay_hours: .nan}\n", ["'consent.delay_hours'", "nan"], id="NaN"),
        pytest.param(
            "version: 1\nplatforms: {labelbox: {url: managed}}\n",
            ["'platforms.labelbox'", "argilla", "label_studio"],
            id="unknown platform",
        ),
        pytest.param(
            "version: 1\nplatforms: {argilla: {url: not an address}}\n",
            ["'platforms.argilla.url'", "managed", "not an address"],
            id="no address",
        ),
        pytest.param(
            "version: 1\nplatforms: {argilla: {url: managed, port: 99999}}\n",
            ["'platforms.argilla.port'", "65535", "99999"],
            id="no port",
        ),
    ],
)
def test_a_wrong_configuration(shell: Shell, text: str, expected: list[str]) -> None:
    shell.configure(text)
    before = shell.files()
    for command in (["status"], ["push"], ["up"]):
        shell(*command).line(CONFIGURATION, str(shell.folder / "chatfeedback.yaml"), *expected)
    assert shell.files() == before


def test_a_port_in_use(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        shell.configure(f"version: 1\nplatforms: {{argilla: {{url: managed, port: {port}}}}}\n")
        said = shell("up")
    said.line(CONFIGURATION, str(port), "platforms.argilla.port", "in use", "choose another")
    assert not (shell.folder / "servers" / "argilla" / "state.json").exists()


def test_a_server_that_was_never_started(shell: Shell) -> None:
    shell("people", "invite", "ada@example.org").line(4, "Argilla", "chatfeedback up argilla")


# Platforms


@pytest.mark.parametrize("name", ["argilla", "label_studio"])
def test_a_key_that_is_not_in_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("TEST_BAD_KEY", raising=False)
    shell.configure(platform(name, "http://127.0.0.1:9"))
    shell("people", "invite", "ada@example.org").line(CONFIGURATION, "TEST_BAD_KEY", "environment variable")
    shell.configure(platform(name, "http://127.0.0.1:9", key=None))
    shell("people", "invite", "ada@example.org").line(CONFIGURATION, "api_key_env")


@pytest.mark.parametrize("command", [["push"], ["people", "invite", "ada@example.org"]], ids=" ".join)
@pytest.mark.parametrize(
    ("name", "title", "key"),
    [("argilla", "Argilla", "a key"), ("label_studio", "Label Studio", refresh_token())],
    ids=["Argilla", "Label Studio"],
)
def test_an_unreachable_platform(shell: Shell, name: str, title: str, key: str, command: list[str]) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    shell.configure(platform(name, url))
    with_tasks(shell)
    before = shell.files()
    said = shell(*command, TEST_BAD_KEY=key)
    line = said.line(UNREACHABLE, title, url, "cannot be reached")
    assert said.out == ""
    assert "is it running?" in line
    assert shell.files() == before


@pytest.mark.servers
@pytest.mark.parametrize("command", [["push"], ["people", "invite", "ada@example.org"]], ids=" ".join)
def test_a_wrong_key_of_argilla(shell: Shell, argilla_server: TestServer, command: list[str]) -> None:
    shell.configure(platform("argilla", argilla_server.url))
    with_tasks(shell)
    before = shell.files()
    said = shell(*command, TEST_BAD_KEY="not-the-key")
    said.line(UNREACHABLE, "Argilla", argilla_server.url, "does not accept", "key")
    assert (said.out, shell.files()) == ("", before)
    assert "not-the-key" not in said.err


@pytest.mark.servers
@pytest.mark.parametrize("key", ["not-the-key", refresh_token()], ids=["no token", "another token"])
@pytest.mark.parametrize("command", [["push"], ["people", "invite", "ada@example.org"]], ids=" ".join)
def test_a_wrong_key_of_label_studio(
    shell: Shell, label_studio_server: TestServer, command: list[str], key: str
) -> None:
    shell.configure(platform("label_studio", label_studio_server.url))
    with_tasks(shell)
    before = shell.files()
    said = shell(*command, TEST_BAD_KEY=key)
    said.line(UNREACHABLE, "Label Studio", "Personal Access Token, and create one")
    assert (said.out, shell.files()) == ("", before)
    assert key not in said.err


@pytest.mark.parametrize(
    ("name", "key"),
    [("argilla", "a key"), ("label_studio", refresh_token())],
    ids=["Argilla", "Label Studio"],
)
def test_a_web_server_that_is_no_platform(shell: Shell, name: str, key: str) -> None:
    with endpoint(200, "<html>Welcome!</html>", "text/html") as url:
        shell.configure(platform(name, url))
        with_tasks(shell)
        before = shell.files()
        said = shell("push", TEST_BAD_KEY=key)
    said.line(UNREACHABLE, url)
    assert (said.out, shell.files()) == ("", before)


def with_tasks(shell: Shell) -> None:
    """Give the workspace something to push."""
    logs = shell.folder.parent / "logs.jsonl"
    logs.write_text(
        "".join(json.dumps(conversation(number)) + "\n" for number in range(1, 4)), encoding="utf-8"
    )
    for arguments in (["ingest", "--publish", str(logs)], ["seed"], ["generate"]):
        assert shell(*arguments).code == 0


# Chat-log files


def no_rows(shell: Shell, path: Path, *expected: str) -> None:
    """Assert that a file is refused as a whole and leaves no trace."""
    before = shell.files()
    said = shell("ingest", str(path))
    said.line(USAGE, str(path), *expected)
    assert said.out == ""
    assert shell.files() == before


def test_a_file_that_does_not_exist(shell: Shell, tmp_path: Path) -> None:
    no_rows(shell, tmp_path / "nowhere.jsonl", "is not a file")


def test_a_folder_for_a_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    no_rows(shell, tmp_path / "folder.jsonl", "holds no dataset")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("empty.jsonl", b"", ["no conversation"], id="empty"),
        pytest.param("blank.jsonl", b"\n\n  \n", ["no conversation"], id="blank lines"),
        pytest.param("empty.json", b"", ["no conversation"], id="empty JSON"),
        pytest.param("list.json", b"[]", ["no conversation"], id="empty list"),
        pytest.param("one.json", b"{}", ["array", ".jsonl"], id="an object for a list"),
        pytest.param("deep.json", b"[" * 100_000, ["not JSON"], id="too deep"),
        pytest.param("logs.docx", b"hello", ["unknown kind", ".jsonl", ".parquet"], id="unknown kind"),
        pytest.param("logs", b"hello", ["unknown kind", ".jsonl", ".parquet"], id="no suffix"),
        pytest.param("no.parquet", b"PAR1 is what it should begin with", ["cannot be read"], id="no Parquet"),
        pytest.param("empty.parquet", b"", ["cannot be read"], id="empty Parquet"),
        pytest.param("no.jsonl.gz", b"this is no gzip", ["cannot be read"], id="no gzip"),
        pytest.param(
            "short.jsonl.gz", gzip.compress(json.dumps(conversation()).encode() * 50)[:-20],
            ["cannot be read"], id="truncated gzip",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read(
    shell: Shell, tmp_path: Path, name: str, content: bytes, expected: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    no_rows(shell, path, *expected)


def test_unknown_columns_are_named_and_nothing_is_kept(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text('{"text": "hello", "label": 1}\n' * 3, encoding="utf-8")
    said = shell("ingest", str(path))
    said.line(USAGE, str(path), "label, text", "--format")
    assert said.out == ""


def test_a_truncated_gzip_keeps_what_stands_before_the_damage(shell: Shell, tmp_path: Path) -> None:
    rows = "".join(json.dumps(conversation(number)) + "\n" for number in range(5000))
    whole = gzip.compress(rows.encode())
    path = tmp_path / "long.jsonl.gz"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    said = shell("ingest", "--json", str(path))
    said.line(USAGE, str(path), "cannot be read", "nothing is read twice")
    kept = conversations_in(shell)
    assert 1000 <= kept < 5000
    figures = json.loads(said.out)
    assert figures["read"] == figures["added"] == kept
    assert "cannot be read" in figures["damage"]
    path.write_bytes(whole)
    said = shell("ingest", "--json", str(path))
    assert said.code == 0
    assert json.loads(said.out)["added"] == 5000 - kept


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


GOOD = [json.dumps(conversation(number)) for number in (1, 2, 3)]
BAD: dict[str, tuple[str | bytes, str]] = {
    "broken JSON": ('{"conversation_id": "b1", "conversation": [', "not JSON"),
    "a list": ("[1, 2]", "not an object but list"),
    "not UTF-8": (b'{"conversation_id": "\xff\xfe"}', "not UTF-8"),
    "no id": (json.dumps(conversation(conversation_id=None)), "conversation_id is missing"),
    "an empty id": (json.dumps(conversation(conversation_id="  ")), "conversation_id is missing"),
    "a number for turns": (
        json.dumps(conversation(conversation_id="b2", conversation=7)),
        "not a list of turns",
    ),
    "no turns": (json.dumps(conversation(conversation_id="b3", conversation=[])), "not a list of turns"),
    "turns without text": (
        json.dumps(conversation(conversation_id="b4", conversation=[{"role": "user", "content": 5}])),
        "a turn has no text: turn 0",
    ),
    "empty turns": (
        json.dumps(conversation(conversation_id="b5", conversation=[{"role": "user", "content": " "}])),
        "every turn is empty",
    ),
    "an unknown role": (
        json.dumps(conversation(conversation_id="b6", conversation=[{"role": "cat", "content": "miau"}])),
        "unknown role",
    ),
    "far too deep": ("[" * 100_000, "nested too deeply"),
    "600 levels": (
        json.dumps(conversation(conversation_id="b7", conversation_metadata=json.loads(nested(600)))),
        "nested too deeply",
    ),
}
"""Lines that cannot be read, and what their reason must say."""

ODD = {
    "lone surrogates": '{"role": "user", "content": "half \\ud800 a pair"}',
    "NUL": '{"role": "user", "content": "nothing \\u0000 here"}',
    "2 MB": json.dumps({"role": "user", "content": "long " * 400_000}),
}
"""Turns that are odd and can be kept."""


def test_bad_rows_go_to_the_rejects_file_and_good_ones_are_kept(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    lines: list[bytes] = [GOOD[0].encode()]
    for bad, _ in BAD.values():
        lines.append(bad if isinstance(bad, bytes) else bad.encode())
    lines += [line.encode() for line in GOOD[1:]]
    path.write_bytes(b"\n".join(lines) + b"\n")
    said = shell("ingest", str(path))
    rejects = shell.folder / "rejects" / "mixed.jsonl.jsonl"
    line = said.line(ROWS_REJECTED, str(len(BAD)), str(rejects))
    assert said.out.startswith("mixed.jsonl (sharelm): 15 rows read: 3 added")
    found = {row["line"]: row["reason"] for row in map(json.loads, rejects.read_text("utf-8").splitlines())}
    assert found.keys() == set(range(2, len(BAD) + 2)), line
    for number, (name, (_, reason)) in enumerate(BAD.items(), start=2):
        assert reason in found[number], name
    assert conversations_in(shell) == 3


def test_metadata_of_100_levels_is_kept(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_text(json.dumps(conversation(conversation_metadata=json.loads(nested(100)))) + "\n")
    for arguments in (["ingest", "--publish", str(path)], ["seed"], ["generate"]):
        said = shell(*arguments)
        assert (said.code, said.problems) == (0, []), said
    with Workspace.open(shell.folder) as opened:
        (kept,) = opened.collection.scan()
    assert json.dumps(kept.conversation_metadata).count("{") == 100


@pytest.mark.parametrize("name", ODD)
def test_an_odd_turn_is_kept_and_reaches_the_tasks(shell: Shell, tmp_path: Path, name: str) -> None:
    row = json.dumps(conversation(1)).replace('{"role": "user", "content": "What is 1 plus 1?"}', ODD[name])
    path = tmp_path / "odd.jsonl"
    path.write_text(row + "\n", encoding="utf-8")
    for arguments in (["ingest", "--publish", str(path)], ["seed"], ["generate"]):
        said = shell(*arguments)
        assert (said.code, said.problems) == (0, []), said
    with Workspace.open(shell.folder) as opened:
        (kept,) = opened.collection.scan()
        assert len(kept.messages) == 2
        kept.messages[0].content.encode("utf-8")
        assert "\x00" not in kept.messages[0].content


def conversations_in(shell: Shell) -> int:
    said = shell("collection", "--json")
    assert said.code == 0
    return sum(json.loads(said.out).values())


# Results


def test_a_wallet_of_nobody(shell: Shell) -> None:
    before = shell.files()
    said = shell("wallet", "nobody@example.org")
    said.line(USAGE, "'nobody@example.org'", "chatfeedback people list")
    assert (said.out, shell.files()) == ("", before)


@pytest.mark.parametrize("kind", ["dpo", "kto"])
def test_an_export_of_nothing(shell: Shell, kind: str) -> None:
    before = shell.files()
    said = shell("export", kind)
    said.line(OTHER, "chatfeedback sync")
    assert (said.out, shell.files()) == ("", before)


def test_an_export_over_somebody_elses_folder(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    said = shell("export", "dpo", "--output", str(tmp_path / "mine"))
    said.line(USAGE, "is not a 'dpo' export", "name another folder")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("email", ["nobody", "a b@example.org", "", "@"])
def test_an_address_that_is_none(shell: Shell, email: str) -> None:
    shell("people", "invite", email).line(USAGE, repr(email), "e-mail address")


# The LLM


@contextmanager
def endpoint(status: int, body: str, kind: str = "application/json") -> Iterator[str]:
    """Serve one answer to every request; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def reply(content: str) -> str:
    message = {"role": "assistant", "content": content}
    return json.dumps(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }
    )


def with_llm(shell: Shell, url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setenv("TEST_LLM_KEY", "sk-a-secret-key")
    with_tasks_less(shell)
    shell.configure(
        SMALLEST
        + f"llm: {{base_url: '{url}/v1', model: m, api_key_env: TEST_LLM_KEY, max_attempts: 2, canaries: 0.0}}\n"
    )
    return shell.files()


def changed(shell: Shell, before: dict[str, bytes]) -> set[str]:
    """Return the names of the files that are not as they were."""
    after = shell.files()
    return {name for name in {**before, **after} if before.get(name) != after.get(name)}


def with_tasks_less(shell: Shell) -> None:
    logs = shell.folder.parent / "logs.jsonl"
    logs.write_text(
        "".join(json.dumps(conversation(number)) + "\n" for number in range(1, 4)), encoding="utf-8"
    )
    for arguments in (["ingest", "--publish", str(logs)], ["collection"]):
        assert shell(*arguments).code == 0


def test_an_unreachable_llm(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    before = with_llm(shell, url, monkeypatch)
    said = shell("seed")
    said.line(UNREACHABLE, f"{url}/v1", "cannot be reached")
    assert (said.out, changed(shell, before)) == ("", {STORE_NAME})  # what was about to be sent


def test_an_llm_that_does_not_take_the_key(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with endpoint(401, '{"error": {"message": "Incorrect API key provided: sk-a-secret-key"}}') as url:
        before = with_llm(shell, url, monkeypatch)
        said = shell("seed")
    line = said.line(UNREACHABLE, url, "does not accept the key", "TEST_LLM_KEY")
    assert "sk-a-secret-key" not in line
    assert (said.out, changed(shell, before)) == ("", {STORE_NAME})


def test_an_llm_without_a_key(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    before = with_llm(shell, "http://127.0.0.1:9", monkeypatch)
    monkeypatch.delenv("TEST_LLM_KEY")
    shell("seed").line(CONFIGURATION, "TEST_LLM_KEY", "LLM")
    assert shell.files() == before


@pytest.mark.parametrize("status", [404, 500])
def test_an_llm_that_fails(shell: Shell, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with endpoint(status, '{"error": {"message": "no"}}') as url:
        before = with_llm(shell, url, monkeypatch)
        said = shell("seed")
    said.line(UNREACHABLE, url, "'m'", str(status))
    assert (said.out, changed(shell, before)) == ("", {STORE_NAME})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param("<html>Please sign in</html>", "text/html", id="a web page"),
        pytest.param("<html>Please sign in</html>", "application/json", id="a web page called JSON"),
        pytest.param("[]", "application/json", id="a list"),
        pytest.param("null", "application/json", id="null"),
    ],
)
def test_an_address_that_is_no_llm(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, body: str, kind: str
) -> None:
    with endpoint(200, body, kind) as url:
        before = with_llm(shell, url, monkeypatch)
        said = shell("seed")
    said.line(UNREACHABLE, url)
    assert (said.out, changed(shell, before)) == ("", {STORE_NAME})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(reply("I would rather not."), id="words"),
        pytest.param(reply('{"helpful": "very"}'), id="other JSON"),
        pytest.param(reply(""), id="nothing"),
        pytest.param(reply('{"a":' * 500 + "1" + "}" * 500), id="nested JSON"),
        pytest.param("{}", id="no choices"),
    ],
)
def test_rubbish_from_an_llm(shell: Shell, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    with endpoint(200, body) as url:
        before = with_llm(shell, url, monkeypatch)
        said = shell("seed")
    said.line(ROWS_REJECTED, "3 responses have no usable reply", "chatfeedback seed --retry")
    assert said.out.startswith("0 responses rated by m")
    assert changed(shell, before) == {STORE_NAME}
    with Workspace.open(shell.folder) as opened, opened.store.read() as connection:
        assert latest_seeds(connection) == {}
        assert [it.requests for it in spent(connection)] == [6]  # rubbish costs money too


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("ingest", "no-such-file.jsonl"), USAGE),
        (("export",), USAGE),
        (("wallet", "nobody"), USAGE),
        (("collection", "show", "--no-such-option", "x"), USAGE),
        (("no-such-command",), USAGE),
    ],
)
def test_a_failure_is_one_object_as_well(shell: Shell, arguments: tuple[str, ...], code: int) -> None:
    assert shell("status", "--json").code == 0
    said = shell(*arguments, "--json")
    line = said.line(code)
    assert json.loads(said.out) == {"error": line.removeprefix("chatfeedback: "), "exit_code": code}
    assert shell(*arguments).out == ""


def test_a_configuration_that_is_wrong_is_one_object_as_well(shell: Shell) -> None:
    shell.configure("version: 1\nplatfroms: {}\n")
    said = shell("status", "--json")
    assert json.loads(said.out) == {"error": said.line(CONFIGURATION)[14:], "exit_code": CONFIGURATION}
