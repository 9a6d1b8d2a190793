"""Files are replaced in one step, and nothing is left beside them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workspaces.files import create_text, readable_by_others, replaced, write_bytes, write_text

if TYPE_CHECKING:
    from pathlib import Path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    with replaced(tmp_path / "file") as file:
        file.write("nëw".encode())
        assert (tmp_path / "file").read_text(encoding="utf-8") == "old"
    assert (tmp_path / "file").read_text(encoding="utf-8") == "nëw"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    def fail() -> None:
        with replaced(tmp_path / "file") as file:
            file.write(b"half")
            raise error

    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(error):
        fail()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_killed_process_leaves_the_old_file_and_a_temporary_one_with_its_number(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "old")
    code = (
        "import os, signal, sys; from pathlib import Path; from workspaces.files import replaced\n"
        "with replaced(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "file")])
    assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "file").read_text(encoding="utf-8") == "old"
    (temporary,) = tmp_path.glob(f"file.*.{process.pid}.tmp")
    assert names(tmp_path) == ["file", temporary.name]


def test_a_file_is_its_owners_alone_whatever_the_umask_and_whatever_stood_there(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "written").write_text("old", encoding="utf-8")
        write_text(tmp_path / "written", "")
        create_text(tmp_path / "created", "")
        (tmp_path / "open").mkdir()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"written": 0o600, "created": 0o600, "open": 0o777}
    assert list(readable_by_others([tmp_path])) == [tmp_path / "open"]
    assert list(readable_by_others([tmp_path / "nothing"])) == []


def test_a_file_is_created_once(tmp_path: Path) -> None:
    assert create_text(tmp_path / "key", "first")
    assert not create_text(tmp_path / "key", "second")
    assert (tmp_path / "key").read_text(encoding="utf-8") == "first"
    assert names(tmp_path) == ["key"]
