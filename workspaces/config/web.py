"""The web pages of the workspace (``chatfeedback web``)."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, HttpUrl

from workspaces.config.section import Section, Variable

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _issuer(address: str) -> str:
    """Return an issuer as it was written: an ID token has to name it letter by letter."""
    parts = urlsplit(address)
    is_here = parts.scheme == "http" and parts.hostname in LOOPBACK
    is_plain = not (parts.query or parts.fragment or parts.username) and "|" not in address
    if not (parts.hostname and is_plain and address.isprintable() and (parts.scheme == "https" or is_here)):
        raise ValueError(
            "is the address of an OpenID provider as it names itself, such as https://accounts.example.org, without a "
            "query; http only on this machine"
        )
    return address


class OidcConfig(Section):
    """An OpenID provider by which people sign in to the page (OpenID Connect Core 1.0).

    ``issuer`` is its address, letter by letter as it names itself; ``client_id`` is the page as it knows it;
    ``client_secret_env`` names the environment variable with the secret; ``name`` is what people read.
    """

    issuer: Annotated[str, AfterValidator(_issuer)]
    client_id: Annotated[str, Field(min_length=1, max_length=255)]
    client_secret_env: Variable
    name: Annotated[str, Field(min_length=1, max_length=40)] = "OpenID Connect"


class WebConfig(Section):
    """``address`` is where people reach their own page, as the guidelines name it; null: they do not name it.

    ``sharelm_plugin``: the page takes what ShareLM's browser plug-in posts, from anybody who has its address.
    """

    address: HttpUrl | None = None
    sharelm_plugin: bool = False
    oidc: OidcConfig | None = None
