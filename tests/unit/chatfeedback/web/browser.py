"""Browsers without a window: clients that keep cookies, find tokens in pages, and send forms."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.testclient import TestClient

from chatfeedback import steps

if TYPE_CHECKING:
    from httpx2 import Response
    from starlette.applications import Starlette

    from workspaces.workspace import Workspace

ADDRESS = "http://127.0.0.1"
TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
IN_HEAD = re.compile(r'"X-CSRF-Token": "([0-9a-f]{64})"')


class Client:
    """One browser."""

    def __init__(self, app: Starlette) -> None:
        self.http = TestClient(app, base_url=ADDRESS, follow_redirects=False, raise_server_exceptions=True)

    def get(self, path: str, **headers: str) -> Response:
        """Open a page."""
        return self.http.get(path, headers=headers)

    def token(self) -> str:
        """Return the CSRF token that pages for this browser carry."""
        found = IN_HEAD.search(self.get("/no-such-page").text)
        assert found is not None
        return found[1]

    def post(self, path: str, **fields: str) -> Response:
        """Send a form with the token of this browser."""
        return self.http.post(path, data={"csrf": self.token(), **fields})


class Browser:
    """Opens browsers at one site."""

    def __init__(self, workspace: Workspace, app: Starlette) -> None:
        self.workspace, self.app = workspace, app
        self._clients: list[Client] = []

    def open(self) -> Client:
        """Return a browser that is not signed in."""
        client = Client(self.app)
        self._clients.append(client)
        return client

    def signed_in(self, person_id: str | None) -> Client:
        """Return a browser in which a person (None: the lead) is signed in by a link."""
        client = self.open()
        token = steps.make_sign_in_link(self.workspace, person_id, timedelta(hours=1))
        answer = client.post(f"/link/{token}")
        assert answer.status_code == 303, answer.text
        return client

    def close(self) -> None:
        """Close them all."""
        for client in self._clients:
            client.http.close()
