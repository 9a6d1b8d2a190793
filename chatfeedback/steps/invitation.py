"""The text that a lead sends to the people whom they invited. Pure; it holds no password."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

TEXT = """\
Subject: Your account for rating answers of AI models

Hello,

you are invited to rate answers of AI models. You read a conversation that somebody had with a model and shared, answer
a few questions about it, and earn Compute Points for what you answer. Taking part is voluntary: answer as much or as
little as you like.

Where to work
{places}

How to sign in
  Your user name is the e-mail address that this message was sent to. Your password comes to you separately; it is the
  same in each place. Nobody else needs it, and nobody will ask you for it.

How it goes
  Open the first dataset or project that you see, read its guidelines, and answer one task after the other. Others'
  answers are hidden from you, and yours from them. You can correct what you submitted.

Your points
  Each task says how many points it offers; that offer is kept. Points are credited once the project lead settles. Ask
  for your balance, and how it came about, whenever you like.

Whom to ask
  Reply to this message: about a task that is wrong or upsets you, about your points, for a new password, for a copy of
  what is kept about you, or to be forgotten.
"""


def invitation(addresses: Mapping[str, str]) -> str:
    """Return a text that can be pasted into an e-mail; ``addresses`` maps the title of each platform to its address."""
    places = "\n".join(f"  {title}: {address}" for title, address in addresses.items())
    return TEXT.format(places=places)


def local_only(addresses: Mapping[str, str]) -> list[str]:
    """Return the titles of the platforms whose address opens on this machine alone."""
    return [title for title, address in addresses.items() if urlsplit(address).hostname in LOOPBACK]
