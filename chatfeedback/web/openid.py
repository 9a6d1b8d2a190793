"""Asks an OpenID provider who somebody is: the authorization-code flow with PKCE (OpenID Connect Core 1.0, RFC 7636).

The provider's addresses and keys come from its own documents, which are kept for an hour. Its answers are bounded in
time and length, no redirect leads to another host, and no address in a document leads into this machine or its network
unless the provider itself is there.
"""

from __future__ import annotations

import asyncio
import json
import time
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, import_key
from joserfc.jws import JWSRegistry

from task_generators.llm.bounded import BoundedClient, TooLongReplyError
from workspaces.config.web import LOOPBACK
from workspaces.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr

    from workspaces.config import OidcConfig

SECONDS = 10.0
"""For one request to the provider."""

SIGN_OUT_SECONDS = 2.0
"""Whoever signs out waits no longer for the address where they do so at the provider."""

MOST_BYTES = 512 * 1024
KEPT_SECONDS = 60 * 60.0
KEYS_AGAIN_SECONDS = 60.0
"""How soon keys are read again where a token names one that is not known: providers exchange them."""

LEEWAY_SECONDS = 60
"""How far the provider's clock may be from ours."""

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that the provider alone can make: never ``none``, never a secret that both know."""

KINDS_OF_KEYS = ("RSA", "EC", "OKP")
AUTH_METHODS = ("client_secret_basic", "client_secret_post")
LONGEST = {"code": 2048, "subject": 255}
"""Characters; of the subject as in OpenID Connect Core 1.0, 2."""


class SilentProviderError(Exception):
    """The provider does not answer, or not as a provider does."""


class NotProvenError(Exception):
    """The provider does not say who this is: the code or the token is not good."""


class OpenIdProvider:
    """One provider, as one client of it.

    Args:
        config: its address and ours there.
        secret: by which we prove to be that client.
        redirect_uri: where it sends people back to.
    """

    def __init__(self, config: OidcConfig, secret: SecretStr, redirect_uri: str) -> None:
        self.issuer, self.name = config.issuer, config.name
        self._client_id, self._secret, self._redirect_uri = config.client_id, secret, redirect_uri
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    async def address_to(self, *, state: str, nonce: str, verifier: str) -> str:
        """Return where somebody says at the provider who they are.

        Raises:
            SilentProviderError: there is no such place.
        """
        address: str = prepare_grant_uri(
            await self._place("authorization_endpoint"),
            self._client_id,
            "code",
            redirect_uri=self._redirect_uri,
            scope="openid",
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return address

    async def sign_out_address(self, back: str) -> str | None:
        """Return where somebody ends their session at the provider (OpenID Connect RP-Initiated Logout 1.0).

        Args:
            back: where it sends them afterwards.

        Returns:
            None where it has no such place, or does not answer soon.
        """
        try:
            async with asyncio.timeout(SIGN_OUT_SECONDS):
                place = await self._place("end_session_endpoint")
        except (SilentProviderError, TimeoutError):
            return None
        address: str = add_params_to_uri(
            place, [("client_id", self._client_id), ("post_logout_redirect_uri", back)]
        )
        return address

    async def subject(self, returned: Mapping[str, str], *, nonce: str, verifier: str) -> str:
        """Return the number of whoever the provider sent back.

        Args:
            returned: what it sent them back with; whoever asks has compared the state.
            nonce: of this attempt.
            verifier: of this attempt.

        Raises:
            NotProvenError: it refused, or what it says is not proven.
            SilentProviderError: it does not answer.
        """
        await self._check_sender(returned)
        token = await self._token(returned.get("code", ""), verifier)
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self._client_id},
            },
            {"nonce": nonce, "client_id": self._client_id},
        )
        try:
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, TypeError, ValueError):
            raise NotProvenError from None
        subject = claims["sub"]
        if not (
            isinstance(subject, str) and 0 < len(subject) <= LONGEST["subject"] and subject.isprintable()
        ):
            raise NotProvenError
        return subject

    async def _check_sender(self, returned: Mapping[str, str]) -> None:
        """Raise unless what somebody came back with is from this provider (RFC 9207), and no refusal."""
        document = await self._document()
        sender = returned.get("iss")
        if sender is None and document.get("authorization_response_iss_parameter_supported") is True:
            raise NotProvenError
        if sender not in (None, self.issuer) or "error" in returned:
            raise NotProvenError

    async def _token(self, code: str, verifier: str) -> jwt.Token:
        if not 0 < len(code) <= LONGEST["code"]:
            raise NotProvenError
        offered = (await self._document()).get("token_endpoint_auth_methods_supported")
        able = [each for each in AUTH_METHODS if isinstance(offered, list) and each in offered]
        auth = ClientAuth(
            self._client_id, self._secret.get_secret_value(), able[0] if able else AUTH_METHODS[0]
        )
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=self._redirect_uri, code_verifier=verifier
        )
        place = await self._place("token_endpoint")
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        place, headers, body = auth.prepare("POST", place, headers, body)
        found = await _asked("POST", place, headers=headers, content=body.encode())
        value = found.get("id_token")
        if not isinstance(value, str):
            raise NotProvenError
        return await self._read(value)

    async def _read(self, value: str) -> jwt.Token:
        """Return an ID token whose signature is the provider's."""
        offered = (await self._document()).get("id_token_signing_alg_values_supported")
        allowed = [each for each in ASYMMETRIC if isinstance(offered, list) and each in offered] or ["RS256"]
        registry = JWSRegistry(algorithms=allowed, strict_check_header=False)
        try:
            try:
                return jwt.decode(value, await self._keys(KEPT_SECONDS), registry=registry)
            except (InvalidKeyIdError, BadSignatureError):
                return jwt.decode(value, await self._keys(KEYS_AGAIN_SECONDS), registry=registry)
        except (JoseError, ValueError, TypeError, RecursionError):
            raise NotProvenError from None

    async def _keys(self, seconds: float) -> KeySet:
        found = await self._read_once(await self._place("jwks_uri"), seconds)
        keys = []
        for each in found["keys"] if isinstance(found.get("keys"), list) else []:
            is_able = isinstance(each, dict) and each.get("kty") in KINDS_OF_KEYS
            if is_able and each.get("use", "sig") == "sig":
                try:
                    keys.append(import_key(each))
                except (JoseError, ValueError, TypeError, KeyError):
                    continue  # a kind of key that is not known here signs nothing
        return KeySet(keys)

    async def _document(self) -> dict[str, Any]:
        found = await self._read_once(get_well_known_url(self.issuer, external=True), KEPT_SECONDS)
        if found.get("issuer") != self.issuer:  # OpenID Connect Discovery 1.0, 4.3
            raise SilentProviderError
        return found

    async def _place(self, name: str) -> str:
        place = (await self._document()).get(name)
        if not isinstance(place, str) or not is_allowed(self.issuer, place):
            raise SilentProviderError
        return place

    async def _read_once(self, address: str, seconds: float) -> dict[str, Any]:
        read_at, found = self._kept.get(address, (float("-inf"), {}))
        if time.monotonic() - read_at > seconds:
            found = await _asked("GET", address)
            self._kept[address] = (time.monotonic(), found)
        return found


def is_allowed(issuer: str, place: str) -> bool:
    """Return whether an address in a provider's document may be gone to."""
    try:
        ours, theirs = urlsplit(issuer), urlsplit(place)
        host, _ = theirs.hostname, theirs.port
    except ValueError:
        return False
    if not host or theirs.username is not None or not place.isprintable() or "\\" in place:
        return False
    if theirs.scheme != "https" and (ours.scheme, theirs.scheme) != ("http", "http"):
        return False
    return host == ours.hostname or not _is_inside(host)


def _is_inside(host: str) -> bool:
    """Return whether a host is, by its number or name, of this machine or a network that is not everybody's."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host in LOOPBACK or host.endswith((".localhost", ".local", ".internal")) or "." not in host


async def _asked(method: str, address: str, **content: Any) -> dict[str, Any]:
    """Return the JSON object with which a provider answers.

    Raises:
        NotProvenError: it refuses what was asked.
        SilentProviderError: it does not answer, or with something else.
    """
    client = BoundedClient(SECONDS, "", tls_context(), MOST_BYTES)
    try:
        answer = await client.send(method, address, **content)
    except (TimeoutError, TooLongReplyError, aiohttp.ClientError, OSError, ValueError):
        raise SilentProviderError from None
    finally:
        await asyncio.shield(client.aclose())
    if HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and method == "POST":
        raise NotProvenError
    try:
        found = json.loads(answer.content) if answer.is_success else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SilentProviderError
    return found
