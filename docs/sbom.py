"""Writes the SBOM of a release: every package that `uv.lock` and the servers' requirements pin, in CycloneDX.

``uv run python docs/sbom.py dist/sbom.cdx.json``
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from uv import find_uv_bin

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "workspaces" / "servers" / "requirements"
PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def pinned_for_servers() -> dict[str, list[tuple[str, str]]]:
    """Return names and versions of the packages that each managed server is made of."""
    return {
        path.stem: PINNED.findall(path.read_text(encoding="utf-8"))
        for path in sorted(REQUIREMENTS.glob("*.txt"))
    }


def sbom() -> dict[str, Any]:
    """Return the SBOM: what uv exports of the lock, with the servers' packages added."""
    command = [
        find_uv_bin(),
        "export",
        "--locked",
        "--format",
        "cyclonedx1.5",
        "--all-extras",
        "--all-groups",
    ]
    exported = subprocess.run(
        [*command, "--quiet"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    document: dict[str, Any] = json.loads(exported)
    for server, packages in pinned_for_servers().items():
        document["components"] += [
            {
                "type": "library",
                "bom-ref": f"{server}:{name}@{version}",
                "name": name,
                "version": version,
                "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
                "properties": [{"name": "chatfeedback:environment", "value": server}],
            }
            for name, version in packages
        ]
    return document


def main() -> None:
    """Write the SBOM to the file that the first argument names."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sbom(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
