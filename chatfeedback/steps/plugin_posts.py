"""Takes what ShareLM's browser plug-in posts: kept before it is acknowledged, then read like any chat log.

The plug-in deletes its own copy before it posts, and posts once. A post is therefore a file of the workspace at once,
and enters the collection with the next step that can write. A user of the plug-in is known by a random id that
only their browser has; it is kept as a keyed hash. So is the id of a conversation, together with its user's: both come
from ``Math.random``, and who reads one in an export could find the other.

Source: extension/background.js of github.com/shachardon/share-lm, commit f9aac7a.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workspaces.errors import WorkbenchError
from workspaces.files import write_text
from workspaces.privacy import CHAT_LOG
from workspaces.workspace import LOCK_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.workspace import Workspace

FORMAT = "sharelm-plugin"
WAITING = Path("inbox") / FORMAT
"""Where posts wait, in the workspace."""

MOST_WAITING = 500
AT_ONCE = 200
"""Posts read at once."""

READING = "reading-"
MOST_MESSAGES = 2000
ID_DIGITS = 32
LONGEST_DETAIL = 100
"""Characters of an age, a gender or a place."""

UserId = Annotated[
    str,
    StringConstraints(
        to_lower=True,
        pattern=r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[8-9a-fA-F][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$",
    ),
]
"""As the plug-in's ``uuidv4`` makes them: the first digit of the fourth group is 8 to f."""

Messages = Annotated[list[str], Field(max_length=MOST_MESSAGES)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Ratings(_Part):
    """``rate`` is the thumb of the whole conversation; ``message_ratings`` has one of -1, 0, 1 for each answer."""

    rate: Literal["thumbup", "thumbdown"] | None = None
    message_ratings: list[Literal[-1, 0, 1]] = Field(default=[], max_length=MOST_MESSAGES)


class Details(_Part):
    """What a user said about themselves in the plug-in; voluntary."""

    age: Annotated[str, Field(max_length=LONGEST_DETAIL)] | int = ""
    gender: Annotated[str, Field(max_length=LONGEST_DETAIL)] = ""
    location: Annotated[str, Field(max_length=LONGEST_DETAIL)] = ""


class Named(_Part):
    """A conversation and the user whose it is: what a deletion names."""

    conversation_id: UserId
    user_id: UserId


class Post(Named):
    """One post of the plug-in; other fields are not taken."""

    user_msgs: Messages
    bot_msgs: Messages
    page_url: Annotated[str, Field(max_length=4000)] = ""
    timestamp: Annotated[str, Field(max_length=100)] = ""
    user_metadata: Details = Details()
    conversation_metadata: Ratings = Ratings()


def keep_post(workspace: Workspace, post: Post) -> bool:
    """Keep a post until it is read; the same one is kept once. Return False if too many wait."""
    folder = workspace.path / WAITING
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    row = post.model_dump(exclude_none=True)
    row |= {"conversation_id": _digest(workspace, post), "user_id": _name(workspace, post.user_id)}
    text = json.dumps(row, sort_keys=True)
    path = folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"
    if not path.exists() and len(list(folder.iterdir())) >= MOST_WAITING:
        return False
    write_text(path, text)
    return True


def id_of_post(workspace: Workspace, named: Named) -> str:
    """Return the id of a conversation in the collection, as the reader of this format makes it."""
    return f"{FORMAT}-{_digest(workspace, named)}"


def _digest(workspace: Workspace, named: Named) -> str:
    return workspace.pseudonyms.digest(FORMAT, f"{named.user_id} {named.conversation_id}")[:ID_DIGITS]


def collect_posts(workspace: Workspace, *, wait_seconds: float = LOCK_TIMEOUT_SECONDS) -> int:
    """Read the posts that wait into the collection, oldest first; return how many there were.

    A run that is killed reads them once more, which changes nothing.

    Raises:
        WorkbenchError: another step held the workspace for longer than ``wait_seconds``.
    """
    count = 0
    if not waiting_posts(workspace):
        return count
    try:
        with FileLock(workspace.path / WAITING.with_suffix(".lock"), timeout=wait_seconds):
            for left in (workspace.path / WAITING).glob(f"{READING}*"):  # by a run that was killed
                shutil.rmtree(left)
            while paths := waiting_posts(workspace)[:AT_ONCE]:
                _read(workspace, paths, wait_seconds)
                count += len(paths)
    except Timeout:
        raise WorkbenchError("the posts of the plug-in are being read by another process") from None
    return count


def waiting_posts(workspace: Workspace) -> list[Path]:
    """Return the files of the posts that wait, oldest first."""
    found = []
    for path in (workspace.path / WAITING).glob("*.json"):
        try:
            found.append((path.stat().st_mtime_ns, path))
        except FileNotFoundError:  # another process has read it
            continue
    return [path for _, path in sorted(found)]


def giver_of_plugin(workspace: Workspace, user_id: str) -> str | None:
    """Return the pseudonym of a user of the plug-in who gave something; None of anybody else."""
    return workspace.pseudonyms.find(_name(workspace, user_id), (CHAT_LOG,))


def _read(workspace: Workspace, paths: Sequence[Path], wait_seconds: float) -> None:
    from chatfeedback.steps.ingest import ingest_file  # slow to import, and seldom needed

    names = hashlib.sha256(" ".join(path.stem for path in paths).encode()).hexdigest()[:12]
    with tempfile.TemporaryDirectory(dir=workspace.path / WAITING, prefix=READING) as folder:
        log = Path(folder) / f"{FORMAT}-{names}.jsonl"
        log.write_text("".join(path.read_text("utf-8") + "\n" for path in paths), "utf-8")
        ingest_file(workspace, log, format_name=FORMAT, processes=1, wait_seconds=wait_seconds)
    for path in paths:
        path.unlink(missing_ok=True)


def _name(workspace: Workspace, user_id: str) -> str:
    """Return the name that a user has in the rows: no file holds the id, and no chat log that name."""
    return f"{FORMAT} {workspace.pseudonyms.digest(FORMAT, user_id)}"
