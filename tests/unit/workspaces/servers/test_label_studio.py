"""Which signing key of its own a Label Studio may keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workspaces.servers.label_studio import _own_secret_key

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("\nSECRET_KEY=x4!k=$2#\n", "x4!k=$2#"),
        ("\nSECRET_KEY=$x4\n\nSECRET_KEY=n2\n", "n2"),  # the second start chose one that can be read back
        ("\nSECRET_KEY=n2\nDEBUG=1\n", "n2"),
        ("\nSECRET_KEY=$x4\n", None),
        ("", None),
    ],
)
def test_a_key_that_label_studio_reads_back_is_kept(tmp_path: Path, text: str, key: str | None) -> None:
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    assert _own_secret_key(tmp_path / ".env") == key


def test_without_a_file_there_is_no_key(tmp_path: Path) -> None:
    assert _own_secret_key(tmp_path / ".env") is None
