"""Files are replaced in one step, and nothing is left beside them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workspaces.files import (
    CannotRemoveError,
    LostFileError,
    create_text,
    readable_by_others,
    remove_folder,
    replaced,
    write_bytes,
    write_text,
    written_before,
)

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


REMOVES = """
import os
from pathlib import Path
from workspaces.files import remove_folder
if os.geteuid() == 0:  # root may look into any folder
    os.chown(".", 65534, 65534)
    for path in [Path("folder"), *Path("folder").rglob("*")]:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
for path in sorted(Path("folder").rglob("*"), reverse=True):
    path.chmod(0)
remove_folder(Path("folder"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions of POSIX")
def test_a_folder_that_its_owner_may_not_look_into_is_removed(tmp_path: Path) -> None:
    (tmp_path / "folder" / "inner" / "innermost").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "innermost" / "text").write_text("to be deleted", "utf-8")
    subprocess.run([sys.executable, "-c", REMOVES], cwd=tmp_path, check=True)
    assert names(tmp_path) == []


def test_what_a_link_leads_to_is_left_alone_and_said(tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "inner").mkdir(parents=True, mode=0o755)
    before = (tmp_path / "elsewhere" / "inner").stat().st_mode
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotRemoveError, match="symbolic link"):
        remove_folder(tmp_path / "folder")
    assert (tmp_path / "elsewhere" / "inner").stat().st_mode == before


def test_a_folder_that_is_there_after_its_files_went_by_themselves_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raced(folder: Path, *, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            raise FileNotFoundError(2, "No such file or directory", str(folder / "gone"))

    (tmp_path / "folder").mkdir()
    monkeypatch.setattr("workspaces.files.shutil.rmtree", raced)
    with pytest.raises(CannotRemoveError, match="run this again"):
        remove_folder(tmp_path / "folder")


@pytest.mark.parametrize(("error", "raised"), [(MemoryError, MemoryError), (EOFError, LostFileError)])
def test_a_file_is_not_called_damaged_where_memory_ends(
    tmp_path: Path, error: type[Exception], raised: type[Exception]
) -> None:
    with pytest.raises(raised), written_before(tmp_path / "file"):
        raise error


def test_what_is_written_is_on_the_disk_before_its_name_and_its_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace = os.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def replacing(*paths: str) -> None:
        done.append("replaced")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replacing)
    write_text(tmp_path / "file", "text")
    assert done == ["file", "replaced", "folder"]
