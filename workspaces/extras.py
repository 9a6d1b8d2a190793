"""Optional parts of the workbench: what has to be run to get one, where this copy of it was installed from."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "chatfeedback-workbench"


def is_installed(module: str) -> bool:
    """Return whether a module of an optional part can be imported; it is not imported."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def install_command(extra: str) -> str:
    """Return the command that adds an optional part to this installation.

    The workbench is on no package index: a part comes from the folder that the workbench was installed from.
    """
    origin, editable = _origin()
    wanted = shlex.quote(f"{DISTRIBUTION if origin is None else origin}[{extra}]")
    if (Path(sys.prefix) / "uv-receipt.toml").exists():
        return f"uv tool install --force {wanted}"
    if origin is not None and editable and (origin / "uv.lock").exists():
        return f"uv sync --inexact --extra {extra} --project {shlex.quote(str(origin))}"
    return f"uv pip install --python {shlex.quote(sys.executable)} {'-e ' if editable else ''}{wanted}"


def _origin() -> tuple[Path | None, bool]:
    """Return the folder that the workbench was installed from, and whether it runs from there; PEP 610."""
    try:
        text = distribution(DISTRIBUTION).read_text("direct_url.json")
        found = json.loads(text or "{}")
    except (PackageNotFoundError, ValueError):
        found = {}
    address = urlsplit(str(found.get("url", "")))
    if address.scheme != "file":
        return None, False
    return Path(unquote(address.path)), bool(found.get("dir_info", {}).get("editable"))
