"""``kill -9`` of four that write to one ledger at once: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.stores import Stores

ROUNDS = 50
SEED = 20261121


def test_killed_writers_lose_nothing_they_acknowledged_and_double_nothing(stores: Stores) -> None:
    writers = Path(__file__).with_name("ledger_writers.py")
    ran = subprocess.run(
        [sys.executable, writers, stores.url(), str(ROUNDS), str(SEED)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found = json.loads(ran.stdout)
    print(
        f"\n{stores.kind}: 4 writers killed in {found['rounds']} rounds, {found['acknowledged']} commits "
        f"acknowledged, 0 lost, 0 doubled; {found['kept_unheard']} kept that were not acknowledged any more"
    )
    assert found["rounds"] >= 50
    assert found["acknowledged"] >= found["rounds"]
