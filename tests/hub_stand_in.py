"""A local stand-in for the Hugging Face Hub: the routes that a push calls, each commit whole or not at all.

It takes every file inline, as the Hub does with small text files; the Hub takes Parquet through its large-file storage.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from exports.publication import blob_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Hub:
    """Data sets by name; ``commits`` counts those that were taken, ``fails`` refuses the next ones.

    ``tags`` and ``branches`` name commits by data set and name; ``main`` is always the newest one.
    """

    url: str = ""
    token: str = "hf_of_the_tests"  # noqa: S105
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    commits: list[dict[str, Any]] = field(default_factory=list)
    squashed: list[str] = field(default_factory=list)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    fails: int = 0
    squash_fails: bool = False
    tag_fails: bool = False

    def sha(self, repo: str) -> str:
        held = sorted((name, hashlib.sha256(text).hexdigest()) for name, text in self.files[repo].items())
        return hashlib.sha1(
            repr((len(self.commits), len(self.squashed), held)).encode(), usedforsecurity=False
        ).hexdigest()


@contextmanager
def running() -> Iterator[Hub]:
    """Yield a hub that listens on a free port of this machine."""
    hub = Hub()

    class Handler(_Handler):
        held = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def _entry(name: str, text: bytes) -> dict[str, Any]:
    """Return what the Hub lists of a file; of Parquet it keeps a pointer in Git."""
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(text), "oid": blob_of(text)}
    if name.endswith(".parquet"):
        stored = {"oid": hashlib.sha256(text).hexdigest(), "size": len(text), "pointerSize": 130}
        entry |= {"oid": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(), "lfs": stored}
    return entry


class _Handler(BaseHTTPRequestHandler):
    held: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its name there)
        self.held.requests.append(self.requestline)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub, path = self.held, unquote(urlsplit(self.path).path)
        if not self._known():
            return
        if path.startswith("/api/datasets/"):
            repo, _, rest = self._parts(path.removeprefix("/api/datasets/"))
            if repo not in hub.files:
                self._say(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            elif rest.startswith("refs"):
                self._say(200, self._refs(repo))
            elif rest.startswith("tree/"):
                self._say(
                    200,
                    [_entry(name, text) for name, text in sorted(hub.files[repo].items())],
                )
            else:
                self._say(
                    200, {"id": repo, "sha": hub.sha(repo), "private": hub.private[repo], "siblings": []}
                )
        elif path.startswith("/datasets/") and "/resolve/" in path:
            repo, _, rest = self._parts(path.removeprefix("/datasets/"))
            text = hub.files[repo].get(rest.split("/", 2)[2])
            if text is None:
                self._say(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            else:
                headers = {"ETag": f'"{hashlib.sha256(text).hexdigest()}"', "X-Repo-Commit": hub.sha(repo)}
                self._send(200, text, headers)
        else:
            self._say(404, {"error": path})

    def do_POST(self) -> None:
        hub, path = self.held, unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b"".join(iter(self._chunk, b""))
        if not self._known():
            return
        if path == "/api/validate-yaml":
            self._say(200, {"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked.get('organization') or 'me'}/{asked['name']}"
            hub.files.setdefault(repo, {".gitattributes": b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"})
            hub.private.setdefault(repo, bool(asked.get("private") or asked.get("visibility") == "private"))
            self._say(200, {"url": f"{hub.url}/datasets/{repo}"})
        else:
            repo, _, rest = self._parts(path.removeprefix("/api/datasets/"))
            if rest.startswith("preupload/"):
                listed = [
                    {"path": it["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for it in json.loads(body)["files"]
                ]
                self._say(200, {"files": listed})
            elif rest.startswith("commit/"):
                self._commit(repo, [json.loads(line) for line in body.splitlines()])
            elif rest.startswith("super-squash/") and hub.squash_fails:
                self._say(507, {"error": "no room"})
            elif rest.startswith("super-squash/"):
                hub.squashed.append(repo)
                self._say(200, {})
            elif rest.startswith("tag/") and hub.tag_fails:
                self._say(507, {"error": "no room"})
            elif rest.startswith("tag/"):
                named, tags = json.loads(body)["tag"], hub.tags.setdefault(repo, {})
                was_there = named in tags
                tags.setdefault(named, rest.removeprefix("tag/"))  # before the client reads on
                self._say(409 if was_there else 200, {})
            else:
                self._say(404, {"error": path})

    def do_DELETE(self) -> None:
        if self._known():
            repo, _, rest = self._parts(unquote(urlsplit(self.path).path).removeprefix("/api/datasets/"))
            del self.held.tags[repo][rest.removeprefix("tag/")]
            self._say(200, {})

    def _refs(self, repo: str) -> dict[str, Any]:
        def listed(kind: str, named: dict[str, str]) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}
                for name, commit in named.items()
            ]

        heads = {"main": self.held.sha(repo)} | self.held.branches.get(repo, {})
        return {
            "branches": listed("heads", heads),
            "tags": listed("tags", self.held.tags.get(repo, {})),
            "converts": [],
            "pullRequests": [],
        }

    def _commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        hub = self.held
        (header,) = (line["value"] for line in lines if line["key"] == "header")
        if hub.fails:
            hub.fails -= 1
            self._say(507, {"error": "no room"})
            return
        if header.get("parentCommit") not in (None, hub.sha(repo)):
            self._say(412, {"error": "a commit happened since"})
            return
        new = dict(hub.files[repo])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                new[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del new[value["path"]]
        hub.files[repo] = new
        hub.commits.append({"repo": repo, "summary": header["summary"]})
        self._say(
            200,
            {"commitUrl": f"{hub.url}/datasets/{repo}/commit/{hub.sha(repo)}", "commitOid": hub.sha(repo)},
        )

    def _known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.held.token}":
            return True
        if "Authorization" not in self.headers and self.command in ("GET", "HEAD"):
            names = unquote(urlsplit(self.path).path).partition("datasets/")[2].split("/")
            if not self.held.private.get("/".join(names[:2]), True):
                return True  # nobody is asked who they are
            self._say(401, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        else:
            self._say(401, {"error": "Invalid credentials"})
        return False

    def _parts(self, path: str) -> tuple[str, str, str]:
        owner, name, *rest = path.split("/", 2)
        return f"{owner}/{name}", "/", "".join(rest)

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _say(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        self._send(
            status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}
        )

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
