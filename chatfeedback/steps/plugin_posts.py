"""Takes what ShareLM's browser plug-in posts: kept before it is acknowledged, then read like any chat log.

The plug-in deletes its own copy before it posts, and posts once. A post is therefore a file of the workspace at once,
and enters the collection with the next step that can write; one that cannot be read is set aside, and keeps no other
waiting. A user of the plug-in is known by a random id that
only their browser has; it is kept as a keyed hash. So is the id of a conversation, together with its user's: both come
from ``Math.random``, and who reads one in an export could find the other.

Source: extension/background.js of github.com/shachardon/share-lm, commit f9aac7a.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workspaces.errors import UsageError, WorkbenchError
from workspaces.files import read_text, write_text
from workspaces.privacy import CHAT_LOG
from workspaces.store import omissions
from workspaces.store.omissions import Omission
from workspaces.workspace import LOCK_TIMEOUT_SECONDS, utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from workspaces.workspace import Workspace

FORMAT = "sharelm-plugin"
_LOG = logging.getLogger("chatfeedback")
WAITING = Path("inbox") / FORMAT
"""Where posts wait, in the workspace."""

MOST_WAITING = 500
MOST_WAITING_OF_USER = 50
CROWDED = 250
"""So many posts wait that an address may add only a few more."""

SET_ASIDE = ".unread"
"""How the name of a post ends that cannot be read; as ``.json`` it is tried again."""

MOST_SET_ASIDE = 100
"""More are counted, and not kept: a stranger sent them."""

UNREADABLE = "the post cannot be read"
AT_ONCE, BYTES_AT_ONCE = 200, 16 * 1024 * 1024
"""Posts read at once, and their bytes: they are held in memory."""

LONGEST_FILE = 16 * 1024 * 1024
"""Bytes: of a post's longest text each character is written out in JSON."""

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
    """Keep a post until it is read; the same one is kept once. Return False if too many wait, of its user or of all."""
    folder = workspace.path / WAITING
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    row = post.model_dump(exclude_none=True)
    row |= {"conversation_id": _digest(workspace, post), "user_id": _name(workspace, post.user_id)}
    text = json.dumps(row, sort_keys=True)
    user = _start(workspace, post.user_id)
    path = (
        folder
        / f"{user}{row['conversation_id']}-{hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]}.json"
    )
    if not path.exists():
        kept = [each.name for each in folder.iterdir() if each.suffix != SET_ASIDE]
        if len(kept) >= MOST_WAITING or sum(it.startswith(user) for it in kept) >= MOST_WAITING_OF_USER:
            return False
    write_text(path, text)
    return True


def is_crowded(workspace: Workspace) -> bool:
    """Return whether so many posts wait that strangers could fill the rest."""
    return len(waiting_posts(workspace)) >= CROWDED


def is_known(workspace: Workspace, named: Named) -> bool:
    """Return whether a conversation waits, is in the collection, or was deleted from it."""
    if next(_files_of(workspace, named), None) is not None:
        return True
    return bool(workspace.collection.known([id_of_post(workspace, named)]))


def drop_unreadable(workspace: Workspace, named: Named) -> bool:
    """Delete what was set aside of a conversation; return whether there was any."""
    found = [path for path in _files_of(workspace, named) if path.suffix == SET_ASIDE]
    for path in found:
        path.unlink(missing_ok=True)
    return bool(found)


def drop_unreadable_of(workspace: Workspace, person_ids: Collection[str]) -> None:
    """Delete what was set aside of people."""
    for path in (workspace.path / WAITING).glob(f"*{SET_ASIDE}"):
        name = f"{FORMAT} {path.name.partition('-')[0]}"
        if workspace.pseudonyms.find(name, (CHAT_LOG,)) in person_ids:
            path.unlink(missing_ok=True)


def _files_of(workspace: Workspace, named: Named) -> Iterator[Path]:
    user = _start(workspace, named.user_id)
    return (workspace.path / WAITING).glob(f"{user}{_digest(workspace, named)}-*")


def _start(workspace: Workspace, user_id: str) -> str:
    """Return how the names of a user's files begin."""
    return f"{workspace.pseudonyms.digest(FORMAT, user_id)}-"


def id_of_post(workspace: Workspace, named: Named) -> str:
    """Return the id of a conversation in the collection, as the reader of this format makes it."""
    return f"{FORMAT}-{_digest(workspace, named)}"


def _digest(workspace: Workspace, named: Named) -> str:
    return workspace.pseudonyms.digest(FORMAT, f"{named.user_id} {named.conversation_id}")[:ID_DIGITS]


def collect_posts(workspace: Workspace, *, wait_seconds: float = LOCK_TIMEOUT_SECONDS) -> int:
    """Read the posts that wait into the collection, oldest first; return how many there were.

    A run that is killed reads them once more, which changes nothing. The delay counts from now on: a stranger wrote the
    time of a chat.

    Raises:
        WorkbenchError: another step held the workspace for longer than ``wait_seconds``.
    """
    count, folder = 0, workspace.path / WAITING
    if not folder.exists() or all(path.suffix == SET_ASIDE for path in folder.iterdir()):
        return count
    try:
        with FileLock(workspace.path / WAITING.with_suffix(".lock"), timeout=wait_seconds):
            _clear_leftovers(folder)
            while paths := _some(waiting_posts(workspace)):
                _read_all(workspace, paths, wait_seconds)
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


def _some(paths: Sequence[Path]) -> list[Path]:
    """Return the first of these posts that are read at once: one, however long, or more."""
    sizes = list(accumulate(path.stat().st_size for path in paths[:AT_ONCE]))
    return list(paths[: max(1, bisect_right(sizes, BYTES_AT_ONCE))])


def _clear_leftovers(folder: Path) -> None:
    """Remove what killed processes left: copies that were being read, and posts that nobody was told are kept."""
    from workspaces.collection.files import is_being_written

    for left in folder.glob(f"{READING}*"):
        shutil.rmtree(left)
    for half in folder.glob("*.tmp"):
        if not is_being_written(half, also_here=True):
            half.unlink(missing_ok=True)


def _read_all(workspace: Workspace, paths: Sequence[Path], wait_seconds: float) -> None:
    """Read posts together, or one by one if that fails; set those aside that fail alone."""
    try:
        _read(workspace, paths, wait_seconds)
    except Exception as error:
        if isinstance(error, WorkbenchError) and not isinstance(error, UsageError):
            raise  # no post's fault: another step is at work
        if len(paths) > 1:
            for path in paths:
                _read_all(workspace, [path], wait_seconds)
            return
        (path,) = paths
        _LOG.warning(
            "a post of the plug-in is set aside: %s", type(error).__name__
        )  # its text may be in the message
        _set_aside(workspace, path)


def _set_aside(workspace: Workspace, path: Path) -> None:
    """Count a post that cannot be read, and keep it for the lead."""
    place = WAITING.as_posix()
    with workspace.store.write() as connection:
        before = sum(it.count for it in omissions.all_omissions(connection) if it.file == place)
        omissions.save(connection, place, [Omission("rejected", UNREADABLE, before + 1)], utc_now())
    if len(list(path.parent.glob(f"*{SET_ASIDE}"))) < MOST_SET_ASIDE:
        path.replace(path.with_suffix(SET_ASIDE))
    else:
        path.unlink(missing_ok=True)


def _read(workspace: Workspace, paths: Sequence[Path], wait_seconds: float) -> None:
    from chatfeedback.steps.ingest import ingest_file  # slow to import, and seldom needed

    names = hashlib.sha256(" ".join(path.stem for path in paths).encode()).hexdigest()[:12]
    with tempfile.TemporaryDirectory(dir=workspace.path / WAITING, prefix=READING) as folder:
        log = Path(folder) / f"{FORMAT}-{names}.jsonl"
        log.write_text("".join(read_text(path, LONGEST_FILE) + "\n" for path in paths), "utf-8")
        ingest_file(
            workspace, log, format_name=FORMAT, processes=1, from_receipt=True, wait_seconds=wait_seconds
        )
    for path in paths:
        path.unlink(missing_ok=True)


def _name(workspace: Workspace, user_id: str) -> str:
    """Return the name that a user has in the rows: no file holds the id, and no chat log that name."""
    return f"{FORMAT} {workspace.pseudonyms.digest(FORMAT, user_id)}"
