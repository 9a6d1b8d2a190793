"""What the project says of itself: links lead somewhere, the README is short, every command is documented."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from chatfeedback.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README_LINES = 150
FENCED = re.compile(r"^(```+|~~~+).*?^\1", flags=re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")


def markdown_files() -> list[Path]:
    """Return the Markdown files that git tracks or would track."""
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    ran = subprocess.run([*command, "*.md"], cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"needs a git checkout to know the project's files: {ran.stderr.strip()}")
    return [ROOT / name for name in ran.stdout.split("\0") if name and (ROOT / name).is_file()]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a Markdown text."""
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", FENCED.sub("", text), flags=re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def broken_links(file: Path) -> list[str]:
    """Return the relative links of a Markdown file that lead to no file, or to no heading of it."""
    broken = []
    for link in LINK.findall(FENCED.sub("", file.read_text(encoding="utf-8"))):
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        is_there = target.exists()
        if is_there and anchor and target.suffix == ".md":
            is_there = anchor in anchors(target.read_text(encoding="utf-8"))
        if not is_there:
            broken.append(link)
    return broken


def commands() -> Iterator[str]:
    """Yield every command, such as ``collection stats``."""

    def walk(name: str, command: Any) -> Iterator[str]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name.strip()
        for child, nested in (inner or {}).items():
            yield from walk(f"{name} {child}", nested)

    return walk("", typer.main.get_command(app))


def is_mentioned(command: str, text: str) -> bool:
    """Return whether a text says ``chatfeedback COMMAND``, and not only a longer command."""
    return re.search(rf"\bchatfeedback {re.escape(command)}(?![\w-])", text) is not None


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    files = markdown_files()
    assert ROOT / "README.md" in files
    broken = {str(file.relative_to(ROOT)): links for file in files if (links := broken_links(file))}
    assert broken == {}


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# A heading: `code` & more\n", encoding="utf-8")
    file.write_text(
        "# Title\n[1](other.md) [2](other.md#a-heading-code--more) [3](#title) [4](https://example.org/x)\n"
        '[5](gone.md) [6](other.md#gone) [7](#gone) [8](gone.png "title")\n'
        "```\n[in code](nowhere.md)\n```\n",
        encoding="utf-8",
    )
    assert broken_links(file) == ["gone.md", "other.md#gone", "#gone", "gone.png"]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_documented(command: str) -> None:
    assert is_mentioned(command, (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"))


def test_every_documented_command_exists() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `chatfeedback ([a-z-]+)(?: ([a-z-]+))?", text, flags=re.MULTILINE)
    known = set(commands())
    assert shown
    assert [words for words in shown if not {words[0], " ".join(words)} & known] == []


def test_a_missing_command_is_noticed() -> None:
    assert is_mentioned("ledger verify", "run `chatfeedback ledger verify`.")
    assert not is_mentioned("ledger", "run `chatfeedback ledgers`.")
    assert not is_mentioned("status", "run `chatfeedback ledger verify`, then status.")


def test_every_shipped_package_says_that_it_is_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert [name for name in packages if not (ROOT / name / "py.typed").is_file()] == []


@pytest.mark.parametrize("name", ["docs/architecture.md", "docs/glossary.md", "docs/security.md"])
def test_every_module_that_a_map_of_the_code_names_exists(name: str) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[\w./-]*)`", (ROOT / name).read_text(encoding="utf-8"))
    packages = {
        "chatfeedback",
        "exports",
        "quality",
        "reward_engine",
        "task_generators",
        "workspaces",
        "tests",
    }
    modules = [path for path in named if path.split("/")[0] in packages]
    assert len(modules) > 20
    assert [path for path in modules if not (ROOT / path).exists()] == []


def test_every_row_of_the_threat_model_names_tests_that_are_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    table = text.partition("## Who attacks")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    named = {
        row: re.findall(r"`([\w./-]+/test_\w+\.py)`", row.rstrip(" |").rpartition("|")[2]) for row in rows
    }
    assert len(rows) > 10
    assert [path for paths in named.values() for path in paths if not (ROOT / path).is_file()] == []
    assert [row for row in rows if not named[row]] == [row for row in rows if row.endswith("| none yet |")]
