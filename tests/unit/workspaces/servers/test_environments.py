"""Environments of servers: what is being installed is said, and nothing where it is there already."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from workspaces.errors import ConnectionFailedError
from workspaces.servers import environments

if TYPE_CHECKING:
    from pathlib import Path

UV = """#!{python}
import pathlib, sys
if "venv" in sys.argv:
    pathlib.Path(sys.argv[-1]).mkdir()
if "pip" in sys.argv:
    print("Resolved 2 packages in 1ms", file=sys.stderr)
    print("Downloading big (40.2MiB)", file=sys.stderr)
    print(" + big==1.0", file=sys.stderr)
    {end}
"""


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of uv, which says what uv says: installing takes the network and a minute."""
    program = tmp_path / "uv"
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "shop.txt").write_text("big==1.0\n")
    monkeypatch.setattr(environments, "REQUIREMENTS", tmp_path / "requirements")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _: tmp_path / "cache")
    monkeypatch.setattr(environments, "find_uv_bin", lambda: str(program))
    return program


def write(program: Path, end: str) -> None:
    program.write_text(UV.format(python=sys.executable, end=end))
    program.chmod(0o700)


def test_installing_says_the_sizes_of_downloads_and_the_second_time_nothing(uv: Path) -> None:
    write(uv, "pass")
    said: list[str] = []
    python = environments.ensure_environment("shop", said.append)
    assert said[0].startswith("installing, once for you, into ")
    assert said[1:] == ["resolved 2 packages in 1ms", "downloading big (40.2MiB)"]
    said.clear()
    assert environments.ensure_environment("shop", said.append) == python
    assert said == []


def test_what_uv_says_of_a_failure_is_in_the_error_and_the_next_try_installs(uv: Path) -> None:
    write(uv, 'sys.exit("no such package: big")')
    with pytest.raises(ConnectionFailedError, match=r"'uv pip install' failed: .*no such package: big"):
        environments.ensure_environment("shop")
    write(uv, "pass")
    said: list[str] = []
    environments.ensure_environment("shop", said.append)
    assert said
