"""What the doctor finds of a Label Studio: the guarded one of the tests, and the same without its door."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

from workspaces.platforms.label_studio.connection import DOOR_HEADER
from workspaces.platforms.label_studio.doors import WITHOUT_THE_DOOR
from workspaces.platforms.label_studio.platform import LabelStudioPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.shared_servers import TestServer

pytestmark = pytest.mark.servers


@pytest.fixture
def without_door(label_studio_server: TestServer) -> Iterator[str]:
    """The address of a proxy that keeps from us that the door is there, and lets strangers' forms through."""

    class Proxy(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            path = self.path
            if self.path.startswith("/user/signup/"):
                path = (
                    "/user/login/"  # answers a form without an address with the form again, as sign-up would
                )
            answer = httpx.request(
                self.command, f"{label_studio_server.url}{path}", headers=headers, content=content, timeout=60
            )
            self.send_response(answer.status_code)
            kept = ("set-cookie", "content-type")
            for name, value in answer.headers.multi_items():
                if name.lower() in kept:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = _pass_on  # noqa: N815 - the base class looks for these names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_server_that_up_starts_has_no_open_door(label_studio_server: TestServer) -> None:
    platform = LabelStudioPlatform(label_studio_server.url, label_studio_server.api_key, str, "m")
    assert platform.open_doors() == ()
    platform.close()
    assert DOOR_HEADER in httpx.get(f"{label_studio_server.url}/health").headers


def test_every_open_door_is_named_and_how_to_close_it(
    label_studio_server: TestServer, without_door: str
) -> None:
    platform = LabelStudioPlatform(without_door, label_studio_server.api_key, str, "m")
    found = platform.open_doors()
    platform.close()
    assert len(found) == len(WITHOUT_THE_DOOR) + 1
    assert "pip install label-studio-door" in found[0]
    assert "DISABLE_SIGNUP_WITHOUT_LINK=true" in found[-1]
    before = httpx.get(f"{without_door}/api/users/").status_code
    assert before == 401  # the probes opened no account and left no session


def test_legacy_tokens_are_an_open_door(label_studio_server: TestServer) -> None:
    platform = LabelStudioPlatform(label_studio_server.url, label_studio_server.api_key, str, "m")
    with httpx.Client(base_url=label_studio_server.url) as owner:
        renewed = owner.post(
            "/api/token/refresh/", json={"refresh": label_studio_server.api_key.get_secret_value()}
        ).json()
        owner.headers["Authorization"] = f"Bearer {renewed['access']}"
        on = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
        owner.post("/api/jwt/settings", json=on).raise_for_status()
        try:
            (door,) = platform.open_doors()
            assert "never expire" in door
            legacy = owner.get("/api/current-user/token").json()["token"]
            by_legacy = {"Authorization": f"Token {legacy}"}
            assert httpx.get(f"{label_studio_server.url}/api/users/", headers=by_legacy).status_code == 200
        finally:
            owner.post("/api/jwt/settings", json=on | {"legacy_api_tokens_enabled": False}).raise_for_status()
    platform.close()
