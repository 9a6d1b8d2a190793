"""The text that a lead sends to the people whom they invited. Pure; it holds no password."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

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
  Your user name is the e-mail address that this message was sent to.
{password}

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

NEW = "  Your password comes to you separately{where}. Nobody else needs it, and nobody will ask you for it."
KNOWN = "  Your password is the one that you have already{where}; if you lost it, ask for a new one."


def invitation(addresses: Mapping[str, str], new_on: Collection[str]) -> str:
    """Return a text that can be pasted into an e-mail, and that promises a password only where there is a new one.

    Args:
        addresses: the address of each platform by its title.
        new_on: the titles of the platforms where an account was made now; elsewhere the password is the earlier one.
    """
    places = "\n".join(f"  {title}: {address}" for title, address in addresses.items())
    new = [title for title in addresses if title in new_on]
    known = [title for title in addresses if title not in new_on]
    paragraphs = [NEW.format(where=_where(new, known, "it is the same in each place", "for"))] if new else []
    paragraphs += [KNOWN.format(where=_where(known, new, "", "in"))] if known or not new else []
    return TEXT.format(places=places, password="\n".join(paragraphs))


def local_only(addresses: Mapping[str, str]) -> list[str]:
    """Return the titles of the platforms whose address opens on this machine alone."""
    return [title for title, address in addresses.items() if urlsplit(address).hostname in LOOPBACK]


def _where(titles: Collection[str], others: Collection[str], everywhere: str, preposition: str) -> str:
    """Return where a password is for: nothing to say of one that is for the only place."""
    if others:
        return f", {preposition} {' and '.join(titles)}"
    return f"; {everywhere}" if everywhere and len(titles) > 1 else ""
