"""The policy of Argilla's pages: on every answer, and strict about what a page may load and run."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha256

import httpx
import pytest
from argilla_server import app
from argilla_sql_search.content_security import (
    HEADER,
    VARIABLE,
    ContentSecurity,
    install_content_security,
    policy_for,
)
from fastapi import FastAPI


@pytest.fixture
def inner() -> FastAPI:
    made = FastAPI()

    @made.get("/page")
    @made.get("/api/v1/docs")
    def page() -> str:
        return "page"

    return made


def policy_of(asked: FastAPI, path: str) -> str:
    """Return the policy that an answer carries."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(asked)
        async with httpx.AsyncClient(transport=transport, base_url="http://argilla.example") as client:
            return await client.get(path)

    return asyncio.run(get()).headers[HEADER]


def directives(policy: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in map(str.split, policy.split(";"))}


def test_pages_load_from_this_server_alone_but_for_two_sheets_of_fonts() -> None:
    found = directives(policy_for([b"a()"]))
    assert found["script-src"] == ["'self'", f"'sha256-{b64encode(sha256(b'a()').digest()).decode()}'"]
    assert found["img-src"] == ["'self'", "data:"]
    assert (
        found["connect-src"]
        == found["default-src"]
        == found["form-action"]
        == found["base-uri"]
        == ["'self'"]
    )
    assert found["object-src"] == found["frame-ancestors"] == ["'none'"]
    elsewhere = {word for words in found.values() for word in words if "://" in word}
    assert elsewhere == {"https://fonts.googleapis.com", "https://fonts.gstatic.com"}


def test_the_policy_knows_the_scripts_in_argillas_own_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "user_middleware", [])
    install_content_security(app)
    install_content_security(app)
    (installed,) = app.user_middleware
    scripts = directives(str(installed.kwargs["policy"]))["script-src"]
    assert len(scripts) >= 3  # 'self', what Argilla's page tells its script, what marks a failed start
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts


def test_every_answer_has_it_and_the_pages_about_the_api_load_theirs(inner: FastAPI) -> None:
    inner.add_middleware(ContentSecurity, policy="default-src 'self'")
    # Argilla answers an unknown path with its page, whatever the path ends with
    for path in (
        "/page",
        "/missing",
        "/x/api/docs",
        "/datasets/api/v1/redoc",
        "/api/v1/docs/x",
        "//api/docs",
    ):
        assert policy_of(inner, path) == "default-src 'self'"
    found = directives(policy_of(inner, "/api/v1/docs"))
    assert found.keys() == {"object-src", "base-uri", "form-action", "frame-ancestors"}


def test_another_policy_or_none_can_be_chosen(inner: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "off")
    install_content_security(inner)
    assert inner.user_middleware == []
    monkeypatch.setenv(VARIABLE, "default-src *")
    install_content_security(inner)
    assert policy_of(inner, "/page") == "default-src *"
