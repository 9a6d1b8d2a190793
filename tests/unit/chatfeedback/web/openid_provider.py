"""An OpenID provider on a real port that does what a good one does, and lies where a test tells it to.

It is this project's own, because no provider that can be installed here checks PKCE and lies as well; a browser meets
another project's in ``tests/e2e``. Signatures are joserfc's.
"""

from __future__ import annotations

import secrets
import threading
import time
from base64 import b64decode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import uvicorn
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from chatfeedback.web.bodies import fields_in
from chatfeedback.web.server import _listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

CLIENT, SECRET = "workbench", "a secret of the client"
KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "second", "use": "sig"})


class Provider:
    """The provider; ``document`` and ``claims`` replace what it says, and ``sign`` how it signs."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.restore()

    def restore(self) -> None:
        """Let it tell the truth again."""
        self.subject = "248289761001"
        self.keys = [KEY]
        self.document: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": self.keys[0].kid}, claims, self.keys[0], algorithms=["RS256"]
        )
        self.instead: dict[str, Callable[[], Response]] = {}

    def application(self) -> Starlette:
        """Return its pages."""
        pages: dict[str, tuple[str, Callable[[Request], Any]]] = {
            "/.well-known/openid-configuration": ("GET", self._document),
            "/jwks": ("GET", self._jwks),
            "/authorize": ("GET", self._authorize),
            "/token": ("POST", self._token),
        }
        return Starlette(
            routes=[Route(path, page, methods=[method]) for path, (method, page) in pages.items()]
        )

    async def _document(self, request: Request) -> Response:
        said = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        return self._said(request, said | self.document)

    async def _jwks(self, request: Request) -> Response:
        return self._said(request, {"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _authorize(self, request: Request) -> Response:
        given = dict(request.query_params)
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT
        assert given["scope"] == "openid"
        assert given["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe()
        self.codes[code] = given
        back = urlencode({"code": code, "state": given["state"], "iss": self.address})
        return RedirectResponse(f"{given['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[-1] for name, values in fields_in(await request.body()).items()}
        begun = self.codes.pop(form.get("code", ""), None)
        kind, _, who = request.headers.get("authorization", "").partition(" ")
        good = (
            begun is not None
            and form.get("redirect_uri") == begun["redirect_uri"]
            and create_s256_code_challenge(form.get("code_verifier", "")) == begun["code_challenge"]
            and (kind, b64decode(who).decode()) == ("Basic", f"{CLIENT}:{SECRET}")
        )
        if begun is None or not good:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.address,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": begun["nonce"],
            "email": "ada@example.org",
            "email_verified": True,
        }
        said = {key: value for key, value in (claims | self.claims).items() if value is not None}
        token = self.sign(said)
        return self._said(request, {"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _said(self, request: Request, said: dict[str, Any]) -> Response:
        self.asked.append(request.url.path)
        other = self.instead.get(request.url.path)
        return other() if other else JSONResponse(said)


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider on a port of its own."""
    listening = _listening("127.0.0.1", 0)
    listening.listen()
    provider = Provider(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(provider.application(), log_config=None, lifespan="off"))
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
