"""The demo: all of it in one command, on real servers, told as one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.servers
def test_the_demo_leads_from_chat_logs_to_training_sets_and_stops_its_servers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chatfeedback", "demo", "--json", "--workspace", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert set(said) >= {"tasks", "answers", "points", "annotators", "agreement", "exports", "servers"}
    assert said["simulated"] is True
    assert sum(count for kinds in said["tasks"].values() for count in kinds.values()) == 150
    assert min(said["answers"].values()) > 100
    assert said["points"]["total"] == sum(place["points"] for place in said["points"]["leaderboard"]) > 0
    assert {person["habit"] for person in said["annotators"]} == {"careful", "hasty", "contrary", "spammer"}
    assert {question["question"] for question in said["agreement"]["questions"]} >= {"preference", "helpful"}
    assert said["exports"]["dpo"]["rows"]["train"] > 0
    assert said["exports"]["kto"]["rows"]["train"] > 0
    status = [sys.executable, "-m", "chatfeedback", "status", "--json", "--workspace", str(tmp_path / "demo")]
    servers = json.loads(subprocess.run(status, capture_output=True, text=True, check=True).stdout)["servers"]
    assert not any(server["running"] for server in servers.values())
