"""What a failure means that no step foresaw: a full disk, a locked database, a library's own error. In one line."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from workspaces.errors import ConnectionFailedError, WorkbenchError
from workspaces.registry import PLATFORMS
from workspaces.store.database import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

AGAIN = "what was done is kept: run this again"

_OF_SYSTEM = {
    errno.ENOSPC: f"the disk is full: free space; {AGAIN}",
    errno.EDQUOT: f"your share of the disk is used up: free space; {AGAIN}",
    errno.EFBIG: f"a file got larger than this system or your limits allow (ulimit -f): raise them; {AGAIN}",
    errno.EROFS: "this file system can only be read: use a workspace, or --output, on another one",
    errno.EACCES: "it is not yours to open: change its permissions, or run this as its owner",
    errno.EPERM: "it is not yours to change: change its permissions, or run this as its owner",
    errno.EMFILE: f"too many files are open: raise the limit (ulimit -n); {AGAIN}",
    errno.ENFILE: f"too many files are open on this machine: close programs; {AGAIN}",
    errno.ENOMEM: f"there is too little memory: close programs; {AGAIN}",
    errno.EIO: "the disk fails: check it, and restore a backup if the workspace is damaged",
    errno.ENOENT: "it is not there: was it moved or removed meanwhile?",
    errno.ENOTDIR: "a part of this path is a file: name another path",
    errno.EISDIR: "it is a folder, and a file is needed: name another path",
    errno.EEXIST: "it stands there already: name another path, or move it away",
    errno.ELOOP: "its links go in a circle: name the file itself",
    errno.ENAMETOOLONG: "its name is too long: choose a shorter one",
}

_SERVICES = {
    "openai": "the LLM",
    "huggingface_hub": "the Hugging Face hub",
    "httpx": "a server",
    "httpx2": "a server",
    "httpcore": "a server",
    "requests": "a server",
    "urllib3": "a server",
}


def foreseen(error: BaseException) -> WorkbenchError | None:
    """Return an error of ours that says what an error means and what to do; None for a fault of the program."""
    for cause in _causes(error):
        if isinstance(cause, WorkbenchError):
            return cause
        if (said := explained(cause)) is not None:
            return said
        if isinstance(cause, MemoryError):
            return WorkbenchError(_OF_SYSTEM[errno.ENOMEM])
        if isinstance(cause, RuntimeError) and str(cause).startswith("Symlink loop"):
            return WorkbenchError(f"{_one_line(cause)}: {_OF_SYSTEM[errno.ELOOP]}")
    for cause in _causes(error):
        if service := _service(type(cause).__module__.partition(".")[0]):
            return ConnectionFailedError(
                f"{service} did not do as asked ({type(cause).__name__}: {_one_line(cause)}): check with "
                f"'chatfeedback doctor'; {AGAIN}"
            )
        if isinstance(cause, OSError):
            return _of_system(cause)
    return None


def _service(package: str) -> str | None:
    """Return what a package of errors talks to; None for a package that talks to nobody."""
    platform = PLATFORMS.get(package.removesuffix("_sdk"))
    return platform.title if platform else _SERVICES.get(package)


def _of_system(error: OSError) -> WorkbenchError:
    where = f"{error.filename}: " if error.filename is not None else ""
    reason = error.strerror or _one_line(error)
    remedy = _OF_SYSTEM.get(error.errno or 0, f"check the place and this machine; {AGAIN}")
    return WorkbenchError(f"{where}{reason}: {remedy}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, outermost first."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
