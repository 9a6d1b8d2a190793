"""Servers that ``chatfeedback up`` runs: they end with their keeper, keep their data and tell no secret."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from chatfeedback.web.running import stop_page
from workspaces.files import write_text
from workspaces.servers.argilla import ArgillaServer
from workspaces.servers.label_studio import LabelStudioServer
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.servers

KILL_AT_PROCESSES = (1, 2, 4)
"""Numbers of processes that a start has reached when its command is killed: supervisor; redis; worker and API."""

ORPHAN_SECONDS = 20.0
SECRET_SETTINGS = ("password", "api_key", "redis_password", "auth_secret_key")

CONFIGURATION = {
    "argilla": "version: 1\nplatforms:\n  argilla: {url: managed}\n",
    "label-studio": "version: 1\nplatforms:\n  label_studio: {url: managed}\n",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(folder: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "chatfeedback", *arguments, "--workspace", str(folder)]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(folder: Path, *arguments: str) -> Said:
    done = subprocess.run(
        command(folder, *arguments), env=environment(), capture_output=True, text=True, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def workspace_for(folder: Path, server: str) -> Path:
    with Workspace.create(folder, CONFIGURATION[server]) as made:
        return made.path


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return every process whose command line, environment or current folder names the workspace.

    A supervisor names it nowhere (its plan comes by standard input): it is known by the log it writes.
    """
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values(), process.cwd()]
            if "workspaces.servers.supervisor" in told:
                told += [file.path for file in process.open_files()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in text for text in told):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def has_more_processes(folder: Path, number: int) -> bool:
    return len(processes_of(folder)) > number


def wait_for(what: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return what()


def is_preparing(folder: Path) -> bool:
    """Whether a database of the workspace's servers is being migrated, or given its owner."""
    for process in processes_of(folder):
        with suppress(psutil.Error):
            if any(word == "migrate" or word.endswith("argilla_owner.py") for word in process.cmdline()):
                return True
    return False


def server_status(folder: Path, name: str = "argilla") -> dict[str, Any]:
    status: dict[str, Any] = run(folder, "status", "--json").json["servers"][name]
    return status


@pytest.fixture
def argilla(tmp_path: Path) -> Iterator[Path]:
    """A workspace with a managed Argilla that does not run yet; nothing of it runs after the test."""
    yield from _cleaned_up(workspace_for(tmp_path / "argilla-workspace", "argilla"))


@pytest.fixture
def label_studio(tmp_path: Path) -> Iterator[Path]:
    """The same with a managed Label Studio."""
    yield from _cleaned_up(workspace_for(tmp_path / "label-studio-workspace", "label-studio"))


def _cleaned_up(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        for process in processes_of(folder):
            process.kill()


def test_a_start_that_is_killed_leaves_no_orphan_and_the_next_one_works(argilla: Path) -> None:
    ended = []
    for reached in KILL_AT_PROCESSES:
        up = subprocess.Popen(
            command(argilla, "up"),
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_for(partial(has_more_processes, argilla, reached), 300), "the start came to nothing"
        started = len(processes_of(argilla)) - 1
        assert up.poll() is None
        up.kill()
        up.wait()
        killed_at = time.monotonic()
        # a preparation that had begun comes to its end, however slow the machine is: half of one is no database
        assert wait_for(lambda: not is_preparing(argilla), 300), "a preparation without an end"
        assert wait_for(lambda: not processes_of(argilla), ORPHAN_SECONDS), processes_of(argilla)
        ended.append(f"{started} processes ended in {time.monotonic() - killed_at:.1f} s")
        status = server_status(argilla)
        assert (status["running"], status["url"], status["processes"]) == (False, None, {})
    print("\nkilled 'up': " + "; ".join(ended))
    assert run(argilla, "up").code == 0
    assert server_status(argilla)["running"]
    assert run(argilla, "down").code == 0
    assert processes_of(argilla) == []


def test_a_killed_start_of_label_studio_leaves_no_orphan(label_studio: Path) -> None:
    up = subprocess.Popen(
        command(label_studio, "up"),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert wait_for(lambda: len(processes_of(label_studio)) > 1, 300), "its server never started"
    up.kill()
    up.wait()
    assert wait_for(lambda: not processes_of(label_studio), ORPHAN_SECONDS), processes_of(label_studio)


def test_up_and_down_and_up_again(argilla: Path) -> None:
    """One long story, because a start takes seconds: each part is named by its comment."""
    before = server_status(argilla)
    assert (before["running"], before["url"], before["processes"]) == (False, None, {})

    # up says where the server is, and status says the same
    up = run(argilla, "up", "--json")
    assert up.code == 0, up.err
    first = up.json["argilla"]
    status = server_status(argilla)
    assert (status["running"], status["url"]) == (True, first["url"])
    assert status["processes"].keys() == {"redis", "worker", "api"}
    assert all(psutil.pid_exists(pid) for pid in status["processes"].values())

    # up twice is harmless
    again = run(argilla, "up", "--json")
    assert (again.code, again.json["argilla"]) == (0, first)
    assert server_status(argilla) == status

    # the page runs, too; one that was killed is not said to run, and comes again
    page = up.json["web"]["url"]
    assert httpx.get(f"{page}/sign-in").status_code == 200
    state = json.loads((argilla / "servers" / "web.json").read_text(encoding="utf-8"))
    assert run(argilla, "status", "--json").json["web"] == page
    os.kill(state["pid"], signal.SIGKILL)
    assert wait_for(lambda: run(argilla, "status", "--json").json["web"] is None, 10)
    page = run(argilla, "up", "--json").json["web"]["url"]
    assert httpx.get(f"{page}/sign-in").status_code == 200

    # no secret is in a log, in the arguments of a process, in a file that others can read, or in a repr
    settings = json.loads((argilla / "servers/argilla/settings.json").read_text(encoding="utf-8"))
    secrets = {name: settings[name] for name in SECRET_SETTINGS}
    assert all(len(secret) >= 12 for secret in secrets.values())
    assert_told_to_nobody(argilla, secrets)
    server = ArgillaServer(argilla / "servers" / "argilla")
    kept = server._read_settings()
    assert kept is not None
    plans = server._processes(kept)
    shown = [repr(it) for it in (server, server.connection(), server.status(), kept, plans)]
    assert not [name for name, secret in secrets.items() if any(secret in text for text in shown)]

    # what is made now is there after down and up
    key = {"X-Argilla-Api-Key": settings["api_key"]}
    account = {"username": "kept", "first_name": "kept", "role": "annotator", "password": "long-enough"}
    httpx.post(f"{first['url']}/api/v1/users", json=account, headers=key).raise_for_status()
    down = run(argilla, "down", "--json")
    assert (down.code, down.json) == (0, {"argilla": True, "web": True})
    assert processes_of(argilla) == []
    worker_log = (argilla / "servers/argilla/logs/worker.log").read_text(encoding="utf-8")
    assert "Traceback" not in worker_log, "redis ended before the worker, which still had to write to it"
    stopped = server_status(argilla)
    assert (stopped["running"], stopped["url"], stopped["processes"]) == (False, None, {})
    assert run(argilla, "down", "--json").json == {"argilla": False}
    third = run(argilla, "up", "--json").json["argilla"]
    assert third == first
    users = httpx.get(f"{third['url']}/api/v1/users", headers=key).raise_for_status().json()["items"]
    assert "kept" in [user["username"] for user in users]

    # an API process that dies is started again
    api = server_status(argilla)["processes"]["api"]
    os.kill(api, signal.SIGKILL)
    killed_at = time.monotonic()
    assert wait_for(lambda: not server.status().running, 10)
    assert not server_status(argilla)["running"]
    assert wait_for(lambda: server.status().running, 60)
    print(f"\nthe API answered again {time.monotonic() - killed_at:.1f} s after it was killed")
    assert server_status(argilla)["processes"]["api"] != api

    # a supervisor that is killed takes its servers with it; the page is none of them
    assert stop_page(argilla)
    state = json.loads((argilla / "servers/argilla/state.json").read_text(encoding="utf-8"))
    os.kill(state["supervisor"]["pid"], signal.SIGKILL)
    killed_at = time.monotonic()
    assert wait_for(lambda: not processes_of(argilla), ORPHAN_SECONDS), processes_of(argilla)
    print(f"\nservers ended {time.monotonic() - killed_at:.1f} s after their supervisor was killed")
    assert not server_status(argilla)["running"]


def test_label_studio_tells_no_secret_and_keeps_its_data_and_gives_the_lead_another_key(
    label_studio: Path,
) -> None:
    """One story, too."""
    # no secret is told
    first = run(label_studio, "up", "--json").json["label_studio"]
    settings = json.loads((label_studio / "servers/label-studio/settings.json").read_text(encoding="utf-8"))
    secrets = {name: settings[name] for name in ("password", "api_key")}
    assert_told_to_nobody(label_studio, secrets)
    server = LabelStudioServer(label_studio / "servers" / "label-studio")
    kept = server._read_settings()
    assert kept is not None
    plans = server._processes(kept)
    shown = [repr(it) for it in (server, server.connection(), server.status(), kept, plans)]
    assert not [name for name, secret in secrets.items() if any(secret in text for text in shown)]

    # what is made now is there after down and up
    with access(first["url"], settings["api_key"]) as client:
        made = client.post("/api/projects/", json={"title": "Kept project"}).raise_for_status().json()
    assert run(label_studio, "down").code == 0
    assert processes_of(label_studio) == []
    again = run(label_studio, "up", "--json").json["label_studio"]
    assert again == first
    with access(again["url"], settings["api_key"]) as client:  # the key is still good
        assert client.get(f"/api/projects/{made['id']}/").raise_for_status().json()["title"] == "Kept project"
    assert run(label_studio, "down").code == 0

    # it forgot its signing key: one of its own that begins with ``$`` is read back as nothing, 1 in 50 of them
    folder = label_studio / "servers" / "label-studio"
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    old_key = settings["api_key"]
    assert old_key == secrets["api_key"]
    del settings["auth_secret_key"]
    write_text(folder / "settings.json", json.dumps(settings))
    write_text(folder / "home" / ".env", "\nSECRET_KEY=$o6wp4pq9-f@mh\n")
    assert run(label_studio, "up", "--json").json["label_studio"] == first
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    assert settings["api_key"] != old_key
    assert not settings["auth_secret_key"].startswith("$")
    with access(first["url"], settings["api_key"]) as client:
        assert client.get("/api/projects/").is_success
    with pytest.raises(httpx.HTTPStatusError):
        access(first["url"], old_key)
    assert run(label_studio, "down").code == 0


def test_a_server_that_cannot_start_shows_the_end_of_its_log(argilla: Path) -> None:
    home = argilla / "servers" / "argilla" / "home"
    home.mkdir(parents=True)
    (home / "argilla.db").write_bytes(b"this is no database, " * 1000)
    up = run(argilla, "up")
    assert (up.code, up.out) == (4, "")
    assert "Traceback" not in up.err.partition("The end of")[0]
    told = up.err[up.err.index("chatfeedback: ") :]
    assert "Argilla" in told.splitlines()[0]
    assert str(argilla / "servers/argilla/logs") in told
    assert "file is not a database" in told
    assert wait_for(lambda: not processes_of(argilla), ORPHAN_SECONDS), processes_of(argilla)
    assert not server_status(argilla)["running"]


def test_a_folder_where_a_file_must_be_is_named(argilla: Path) -> None:
    (argilla / "servers" / "argilla" / "redis.conf").mkdir(parents=True)
    up = run(argilla, "up")
    assert (up.code, up.out) == (4, "")
    told = up.err[up.err.index("chatfeedback: ") :]
    assert "Traceback" not in up.err
    assert str(argilla / "servers/argilla/redis.conf") in told
    assert processes_of(argilla) == []
    assert [path.name for path in (argilla / "servers/argilla").glob("redis.conf*")] == ["redis.conf"]


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write_text(tmp_path / "secret", "text")
    finally:
        os.umask(old)
    assert mode(tmp_path / "secret") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def access(url: str, api_key: str) -> httpx.Client:
    answer = httpx.post(f"{url}/api/token/refresh/", json={"refresh": api_key}).raise_for_status().json()
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {answer['access']}"}, timeout=60)


def assert_told_to_nobody(folder: Path, secrets: dict[str, str]) -> None:
    """Assert that secrets stand in files of mode 0600 alone, in no log, and in no process's arguments."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        text = path.read_bytes()
        held = [name for name, secret in secrets.items() if secret.encode() in text]
        if held and path.parent.name == "home":  # the server's own database; the folder above is closed
            assert mode(path.parents[1]) == 0o700
        elif held:
            assert mode(path) == 0o600, (path, held)
            assert path.suffix != ".log", (path, held)
    assert mode(folder / "secrets" / "pseudonym.key") == 0o600
    processes = processes_of(folder)
    assert processes
    for process in processes:
        arguments = " ".join(process.cmdline())
        assert not [name for name, secret in secrets.items() if secret in arguments], process


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
