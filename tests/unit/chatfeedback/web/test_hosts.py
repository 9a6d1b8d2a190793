"""Hosts and origins: whatever a browser or anybody else writes there, ours are known in every spelling."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from chatfeedback.web.app import application
from chatfeedback.web.hosts import host_in, origin_of
from tests.unit.chatfeedback.web.browser import Client

if TYPE_CHECKING:
    from workspaces.workspace import Workspace

BROKEN = (
    "http://[",
    "http://[::1",
    "http://]",
    "//",
    "http://[v1.x]:1",
    "http://a b",
    "null",
    "",
    "http://\u2100",
)


@pytest.mark.parametrize(
    ("host", "reached"),
    [("::1", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("fd00::0:7", "[fd00::7]"), ("localhost", "localhost")],
)
def test_the_page_answers_under_the_address_at_which_it_listens(
    filled_workspace: Workspace, host: str, reached: str
) -> None:
    address = origin_of(host, 6970)
    client = Client(application(filled_workspace, address=address))
    with closing(client.http):
        names = {"Host": f"{reached}:6970"}
        assert client.get("/sign-in", **names).status_code == 200
        sent = client.http.post(
            "/sign-out",
            data={"csrf": client.token()},
            headers={**names, "Origin": f"http://{reached}:6970"},
        )
        assert sent.status_code == 303
        for other in ("[::2]:6970", "evil.example", "[", "[::1", "", "127.0.0.1.evil.example:6970"):
            assert client.get("/sign-in", Host=other).status_code == 400, other


@pytest.mark.parametrize("origin", BROKEN)
def test_an_origin_that_cannot_be_read_is_refused(filled_workspace: Workspace, origin: str) -> None:
    client = Client(application(filled_workspace))
    with closing(client.http):
        headers = {b"Origin": origin.encode()}
        sent = client.http.post("/sign-out", data={"csrf": client.token()}, headers=headers)
        assert sent.status_code == 403


def test_addresses_of_one_host_are_one_host() -> None:
    assert {host_in(each) for each in ("http://[0:0::1]:80", "//[::1]", "https://[::1]/x")} == {"::1"}
    assert host_in("http://LOCALHOST:1") == "localhost"
    assert [host_in(each) for each in ("http://[", "//", "")] == [None, None, None]
