"""Attacks of an annotator on Argilla, as data: requests with the places of ``argilla_bench.Bench`` in braces."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ALL = "include=responses,suggestions,vectors&limit=1000"


@dataclass(frozen=True, slots=True)
class Attack:
    """One request.

    Args:
        name: what is tried.
        method: of the request.
        target: path and query, sent as they are.
        body: JSON, or bytes to send as they are.
        headers: beside the credentials.
    """

    name: str
    method: str
    target: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def content(self, places: dict[str, str]) -> bytes:
        """Return the body to send."""
        if self.body is None:
            return b""
        return fill(self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode(), places)


def fill(text: bytes, places: dict[str, str]) -> bytes:
    """Return a text with its places filled in."""
    for name, value in places.items():
        text = text.replace(b"<" + name.encode() + b">", value.encode())
    return text


def _terms(scope: dict[str, str], *values: str) -> dict[str, Any]:
    return {"filters": {"and": [{"type": "terms", "scope": scope, "values": list(values)}]}}


def _search(name: str, body: Any, headers: dict[str, str] | None = None) -> Attack:
    return Attack(name, "POST", f"/api/v1/me/datasets/<dataset>/records/search?{ALL}", body, headers or {})


SUGGESTED = {"entity": "response", "question": "suggestion"}
AGENT = {"entity": "suggestion", "question": "<question_name>", "property": "agent"}
HIDDEN = {"entity": "metadata", "metadata_property": "secret_seed"}
CHANGED = {"entity": "record", "property": "updated_at"}
TYPE = {"Content-Type": "application/json"}

READS = [
    # a record, in every way to name it
    Attack("a record", "GET", "/api/v1/records/<record>"),
    Attack("a record with includes", "GET", f"/api/v1/records/<record>?{ALL}"),
    Attack("a record behind a slash", "GET", "/api/v1/records/<record>/"),
    Attack("a record behind two slashes", "GET", "/api/v1//records//<record>"),
    Attack("a record behind dots", "GET", "/api/v1/me/../records/<record>"),
    Attack("a record behind escaped dots", "GET", "/api/v1/me/%2e%2e/records/<record>"),
    Attack("a record behind an escaped letter", "GET", "/api/v1/%72ecords/<record>"),
    Attack("a record behind an escaped slash", "GET", "/api/v1/records%2f<record>"),
    Attack("a record in capitals", "GET", "/API/V1/RECORDS/<record>"),
    Attack("a record as a URN", "GET", "/api/v1/records/urn:uuid:<record>"),
    Attack("a record in braces", "GET", "/api/v1/records/{<record>}"),
    Attack("a record with a matrix parameter", "GET", "/api/v1/records/<record>;x=1"),
    Attack("a record's head", "HEAD", "/api/v1/records/<record>"),
    Attack("a record's options", "OPTIONS", "/api/v1/records/<record>"),
    Attack("a record by an unknown method", "PROPFIND", "/api/v1/records/<record>"),
    Attack("a record traced", "TRACE", "/api/v1/records/<record>"),
    # what stands between: encodings, caches, proxies, origins
    Attack("a record in brotli", "GET", "/api/v1/records/<record>", headers={"Accept-Encoding": "br"}),
    Attack("a record in gzip", "GET", "/api/v1/records/<record>", headers={"Accept-Encoding": "gzip"}),
    Attack("a part of a record", "GET", "/api/v1/records/<record>", headers={"Range": "bytes=0-9999"}),
    Attack("a record not changed", "GET", "/api/v1/records/<record>", headers={"If-None-Match": "*"}),
    Attack("a record as text", "GET", "/api/v1/records/<record>", headers={"Accept": "text/plain"}),
    Attack(
        "a record with another method in a header",
        "POST",
        "/api/v1/records/<record>",
        headers={"X-HTTP-Method-Override": "GET"},
    ),
    Attack(
        "another path in a header", "GET", "/api/v1/me", headers={"X-Original-URL": "/api/v1/records/<record>"}
    ),
    Attack(
        "another person in headers",
        "GET",
        "/api/v1/me",
        headers={
            "X-Forwarded-User": "<victim_name>",
            "X-Remote-User": "owner",
            "X-Argilla-Workspace": "<other_workspace>",
        },
    ),
    Attack(
        "another origin", "GET", "/api/v1/records/<record>", headers={"Origin": "https://elsewhere.example.org"}
    ),
    # lists, progress, metrics
    Attack("all records", "GET", f"/api/v1/datasets/<dataset>/records?{ALL}"),
    Attack("all records by search", "POST", f"/api/v1/datasets/<dataset>/records/search?{ALL}", {}, TYPE),
    Attack("everybody's progress", "GET", "/api/v1/datasets/<dataset>/users/progress"),
    Attack("the dataset's progress", "GET", "/api/v1/datasets/<dataset>/progress"),
    Attack("own metrics", "GET", "/api/v1/me/datasets/<dataset>/metrics"),
    Attack("own metrics of another person", "GET", "/api/v1/me/datasets/<dataset>/metrics?user_id=<victim>"),
    Attack("metrics of hidden metadata", "GET", "/api/v1/metadata-properties/<hidden>/metrics"),
    Attack("metadata properties", "GET", "/api/v1/me/datasets/<dataset>/metadata-properties"),
    Attack("suggestions of a record", "GET", "/api/v1/records/<suggested>/suggestions"),
    Attack("a record with a suggestion", "GET", "/api/v1/records/<suggested>"),
    Attack("agents of suggestions", "GET", "/api/v1/datasets/<dataset>/records/search/suggestions/options"),
    # people, workspaces, the server
    Attack("all users", "GET", "/api/v1/users"),
    Attack("a user", "GET", "/api/v1/users/<victim>"),
    Attack("a user's workspaces", "GET", "/api/v1/users/<victim>/workspaces"),
    Attack("members of the workspace", "GET", "/api/v1/workspaces/<workspace>/users"),
    Attack("another workspace", "GET", "/api/v1/workspaces/<other_workspace>"),
    Attack("members of another workspace", "GET", "/api/v1/workspaces/<other_workspace>/users"),
    Attack("own workspaces", "GET", "/api/v1/me/workspaces"),
    Attack("own datasets", "GET", "/api/v1/me/datasets"),
    Attack("datasets of another workspace", "GET", "/api/v1/me/datasets?workspace_id=<other_workspace>"),
    Attack("a dataset of another workspace", "GET", "/api/v1/datasets/<other_dataset>"),
    Attack("a record of another workspace", "GET", "/api/v1/records/<other_record>"),
    Attack("progress of another workspace", "GET", "/api/v1/datasets/<other_dataset>/users/progress"),
    Attack(
        "records of another workspace",
        "POST",
        f"/api/v1/me/datasets/<other_dataset>/records/search?{ALL}",
        {},
        TYPE,
    ),
    Attack("webhooks", "GET", "/api/v1/webhooks"),
    Attack("a job", "GET", "/api/v1/jobs/1"),
    Attack("the server's state", "GET", "/api/v1/status"),
    Attack("the description of the API", "GET", "/api/v1/openapi.json"),
    Attack("the API before this one", "GET", "/api/users"),
    Attack("the API before this one, people", "GET", "/api/me"),
    Attack("the files of the server", "GET", "/_nuxt/../../../../../../etc/passwd"),
    Attack("the database", "GET", "/%2e%2e/argilla.db"),
    # searches: what is found, in which order, and how many
    _search("own records", {}, TYPE),
    _search("what the victim wrote, as a filter", _terms(SUGGESTED, "<canary>"), TYPE),
    _search("what the victim wrote, as words", {"query": {"text": {"q": "<canary>*"}}}, TYPE),
    _search("the victim by id", _terms({**SUGGESTED, "user": "<victim>", "user_id": "<victim>"}, "x"), TYPE),
    _search("an order by others' answers", {"sort": [{"scope": SUGGESTED, "order": "asc"}]}, TYPE),
    _search("an order by the last change", {"sort": [{"scope": CHANGED, "order": "desc"}]}, TYPE),
    _search("hidden metadata, as a filter", _terms(HIDDEN, "<canary>-seed"), TYPE),
    _search("hidden metadata, as an order", {"sort": [{"scope": HIDDEN, "order": "asc"}]}, TYPE),
    _search("hidden metadata without a type", _terms(HIDDEN, "x")),
    _search("hidden metadata in UTF-16", json.dumps(_terms(HIDDEN, "x")).encode("utf-16"), TYPE),
    _search(
        "hidden metadata behind a double key",
        b'{"filters":{"and":[{"type":"terms","values":["x"],'
        b'"scope":{"entity":"record","property":"status","entity":"metadata","metadata_property":"secret_seed"}}]}}',
        TYPE,
    ),
    _search("agents, as a filter", _terms(AGENT, "<canary>-agent"), TYPE),
    _search("agents, as an order", {"sort": [{"scope": AGENT, "order": "asc"}]}, TYPE),
    _search("a search that is no JSON", b"{" * 5_000, TYPE),
    _search("a search of endless depth", b'{"query":' + b"[" * 50_000, TYPE),
    _search("a search that the engine refuses", _terms({"entity": "response", "question": "<canary>"}, "x"), TYPE),
    _search("a record's neighbours", {"query": {"vector": {"name": "v", "record_id": "<other_record>"}}}, TYPE),
    # errors
    Attack("a record that is none", "GET", "/api/v1/records/'%20OR%201=1--"),
    Attack("a record with a zero byte", "GET", "/api/v1/records/%00"),
    Attack("the password of the victim", "POST", "/api/v1/token", b"username=<victim_name>&password=wrong",
           {"Content-Type": "application/x-www-form-urlencoded"}),
]  # fmt: skip

VALUES = {"values": {"suggestion": {"value": "forged"}}, "status": "discarded"}
OWNER = {"role": "owner", "password": "12345678"}

WRITES = [
    # others' answers
    Attack("change another's answer", "PUT", "/api/v1/responses/<response>", VALUES, TYPE),
    Attack("delete another's answer", "DELETE", "/api/v1/responses/<response>"),
    Attack("delete another's answer behind a slash", "DELETE", "/api/v1/responses/<response>/"),
    Attack("patch another's answer", "PATCH", "/api/v1/responses/<response>", VALUES, TYPE),
    Attack(
        "answer as another",
        "POST",
        "/api/v1/records/<record>/responses",
        {**VALUES, "user_id": "<victim>", "id": "<response>", "user": {"id": "<victim>"}},
        TYPE,
    ),
    Attack(
        "answer again",
        "POST",
        "/api/v1/records/<record>/responses?user_id=<victim>",
        {**VALUES, "user_id": "<victim>"},
        TYPE,
    ),
    Attack(
        "answer in bulk as another",
        "POST",
        "/api/v1/me/responses/bulk",
        {
            "user_id": "<victim>",
            "items": [{**VALUES, "record_id": "<record>", "user_id": "<victim>", "id": "<response>"}] * 3,
        },
        TYPE,
    ),
    Attack(
        "answer in another workspace",
        "POST",
        "/api/v1/records/<other_record>/responses",
        {"values": {"text": {"value": "x"}}, "status": "submitted"},
        TYPE,
    ),
    Attack(
        "answer in bulk in another workspace",
        "POST",
        "/api/v1/me/responses/bulk",
        {
            "items": [
                {"values": {"text": {"value": "x"}}, "status": "submitted", "record_id": "<other_record>"}
            ]
        },
        TYPE,
    ),
    # records and suggestions
    Attack(
        "change a record",
        "PATCH",
        "/api/v1/records/<record>",
        {"fields": {"task": "x"}, "metadata": {"points": 9999}},
        TYPE,
    ),
    Attack("delete a record", "DELETE", "/api/v1/records/<record>"),
    Attack("delete records", "DELETE", "/api/v1/datasets/<dataset>/records?ids=<record>"),
    Attack(
        "upsert a task with answers of others",
        "PUT",
        "/api/v1/datasets/<dataset>/records/bulk",
        {
            "items": [
                {
                    "external_id": "<task>",
                    "fields": {"task": "x"},
                    "responses": [{**VALUES, "user_id": "<victim>"}],
                }
            ]
        },
        TYPE,
    ),
    Attack(
        "add a record",
        "POST",
        "/api/v1/datasets/<dataset>/records/bulk",
        {"items": [{"external_id": "task-of-mine", "fields": {"task": "x"}}]},
        TYPE,
    ),
    Attack(
        "suggest",
        "PUT",
        "/api/v1/records/<record>/suggestions",
        {"question_id": "<question>", "value": "no"},
        TYPE,
    ),
    Attack("delete suggestions", "DELETE", "/api/v1/records/<suggested>/suggestions?ids=<suggestion>"),
    Attack("delete a suggestion", "DELETE", "/api/v1/suggestions/<suggestion>"),
    # datasets and their settings
    Attack(
        "change a dataset",
        "PATCH",
        "/api/v1/datasets/<dataset>",
        {"guidelines": "pay me", "distribution": {"strategy": "overlap", "min_submitted": 99}},
        TYPE,
    ),
    Attack("delete a dataset", "DELETE", "/api/v1/datasets/<dataset>"),
    Attack("publish a dataset", "PUT", "/api/v1/datasets/<dataset>/publish"),
    Attack(
        "make a dataset", "POST", "/api/v1/datasets", {"name": "mine", "workspace_id": "<workspace>"}, TYPE
    ),
    Attack(
        "export a dataset",
        "POST",
        "/api/v1/datasets/<dataset>/export",
        {"name": "a/b", "token": "x", "private": False},
        TYPE,
    ),
    Attack(
        "import into a dataset",
        "POST",
        "/api/v1/datasets/<dataset>/import",
        {
            "name": "a/b",
            "subset": "default",
            "split": "train",
            "mapping": {"fields": [{"source": "a", "target": "task"}]},
        },
        TYPE,
    ),
    Attack("change a question", "PATCH", "/api/v1/questions/<question>", {"title": "x"}, TYPE),
    Attack("delete a question", "DELETE", "/api/v1/questions/<question>"),
    Attack("change a field", "PATCH", "/api/v1/fields/<field>", {"title": "x"}, TYPE),
    Attack("delete a field", "DELETE", "/api/v1/fields/<field>"),
    Attack(
        "show hidden metadata",
        "PATCH",
        "/api/v1/metadata-properties/<hidden>",
        {"visible_for_annotators": True},
        TYPE,
    ),
    Attack("delete a metadata property", "DELETE", "/api/v1/metadata-properties/<property>"),
    Attack(
        "add a vector",
        "POST",
        "/api/v1/datasets/<dataset>/vectors-settings",
        {"name": "v", "title": "v", "dimensions": 2},
        TYPE,
    ),
    # people and workspaces
    Attack("become an owner", "PATCH", "/api/v1/users/<me>", OWNER, TYPE),
    Attack("become an owner as oneself", "PATCH", "/api/v1/me", OWNER, TYPE),
    Attack("set the victim's password", "PATCH", "/api/v1/users/<victim>", {"password": "12345678"}, TYPE),
    Attack("delete the victim", "DELETE", "/api/v1/users/<victim>"),
    Attack(
        "make an owner", "POST", "/api/v1/users", {"username": "mallory", "first_name": "m", **OWNER}, TYPE
    ),
    Attack(
        "enter another workspace",
        "POST",
        "/api/v1/workspaces/<other_workspace>/users",
        {"user_id": "<me>"},
        TYPE,
    ),
    Attack("throw out the victim", "DELETE", "/api/v1/workspaces/<workspace>/users/<victim>"),
    Attack("make a workspace", "POST", "/api/v1/workspaces", {"name": "mine"}, TYPE),
    Attack("delete a workspace", "DELETE", "/api/v1/workspaces/<workspace>"),
    Attack(
        "listen by webhook",
        "POST",
        "/api/v1/webhooks",
        {"url": "http://127.0.0.1:1/", "events": ["response.created"]},
        TYPE,
    ),
    Attack("sign up by oauth", "GET", "/api/v1/oauth2/providers/huggingface/access-token?code=x&state=y"),
    Attack("reset a token", "POST", "/api/v1/users/<victim>/token"),
    Attack("reset a token of before", "POST", "/api/users/<victim_name>/token"),
]
