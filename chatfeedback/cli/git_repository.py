"""Whether a git repository would track what lies in a folder."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 10


def tracking_repository(folder: Path) -> Path | None:
    """Return the root of the git repository that would track files in a folder; None if none would.

    The folder need not exist yet. What ``.gitignore`` names is not tracked; where git itself is missing, what lies in
    a repository counts as tracked.
    """
    folder = folder.resolve()
    root = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)
    git = shutil.which("git")
    if root is None or git is None:
        return root
    try:
        asked = subprocess.run(
            [
                git,
                "-C",
                str(root),
                "check-ignore",
                "--quiet",
                "--no-index",
                str(folder / "secrets" / "any.key"),
            ],
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return root
    return None if asked.returncode == 0 else root
