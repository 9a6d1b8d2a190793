"""Review, the form and the published tables, as they are used: through the command line, on a real workspace."""

from __future__ import annotations

import json
import random
import re
import stat
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
import yaml
from typer.testing import CliRunner

from bench.screening import crowd
from chatfeedback import steps
from chatfeedback.cli import app
from tests.sample_records import NOW, minutes, task
from workspaces.config.template import template
from workspaces.errors import ConfigurationError, UsageError, WorkbenchError
from workspaces.privacy.demographic_form import (
    UNDISCLOSED,
    checked,
    demographic_questions,
    form_template,
    read_form,
)
from workspaces.store.annotations import annotation_revision
from workspaces.store.demographic_answers import demographic_answer
from workspaces.store.flags import FlagStatus, flags, review_flag, save_findings
from workspaces.store.snapshots import demographic_snapshot
from workspaces.store.tasks import save_tasks
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIDENCE = {"answers": 100, "agree_with_others": 0.5, "crowd_agrees": 0.8, "items": ["m1"]}


@pytest.fixture
def declared(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace that declares tables."""
    text = template().replace("  tables: []", "  tables: [[gender, question], [age_band]]")
    with Workspace.create(tmp_path / "workspace", text) as made:
        yield made


def run(workspace: Workspace, *arguments: str, typed: str | None = None) -> Any:
    ran = CliRunner().invoke(
        app, [*arguments, "--workspace", str(workspace.path), "--json"], input=typed, catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def refused(workspace: Workspace, *arguments: str) -> str:
    with pytest.raises(WorkbenchError) as caught:
        CliRunner().invoke(app, [*arguments, "--workspace", str(workspace.path)], catch_exceptions=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def people(workspace: Workspace, count: int, start: int = 0) -> list[str]:
    named = workspace.pseudonyms.on_platform("argilla")
    return [named(f"person-{start + number}@example.org") for number in range(count)]


def answer(workspace: Workspace, votes: Any, person_of: dict[str, str]) -> None:
    """Store a table of preferences as submitted answers."""
    from dataclasses import replace

    made = {
        name: replace(task(name, {"preference": 4}, kind="preference"), message_ids=(f"{name}a", f"{name}b"))
        for name in votes["task_id"].unique()
    }
    rows = [
        {
            "annotation_id": f"{row.task_id}/{row.annotator}"[-24:],
            "revision": 1,
            "task_id": row.task_id,
            "person_id": person_of[row.annotator],
            "platform": "argilla",
            "response_id": f"{row.task_id}/{row.annotator}",
            "status": "submitted",
            "answers": {"preference": {"0": "a", "1": "b", "2": "tie"}[row.value]},
            "content_hash": "h",
            "updated_at": NOW,
            "synced_at": NOW,
        }
        for row in votes.itertuples()
    ]
    with workspace.store.write() as connection:
        save_tasks(connection, list(made.values()))
        connection.execute(sa.insert(annotation_revision), rows)


# review


def found_again(workspace: Workspace, weight: int, at: int = 0) -> int:
    with workspace.store.write() as connection:
        return save_findings(connection, [("p1", "guessing", EVIDENCE, weight)], minutes(at))


def statuses(workspace: Workspace) -> list[tuple[str, int]]:
    with workspace.store.read() as connection:
        return [(row.status, row.weight) for row in flags(connection)]


def test_the_same_finding_is_one_flag_with_the_newest_evidence(workspace: Workspace) -> None:
    assert [found_again(workspace, weight) for weight in (100, 100, 150)] == [1, 0, 0]
    assert statuses(workspace) == [("open", 150)]


@pytest.mark.parametrize(("weight", "comes_back"), [(100, False), (199, False), (200, True)])
def test_a_dismissed_finding_comes_back_only_with_twice_the_answers(
    workspace: Workspace, weight: int, comes_back: bool
) -> None:
    found_again(workspace, 100)
    with workspace.store.write() as connection:
        review_flag(connection, flags(connection)[0].flag_id, FlagStatus.DISMISSED, "ada", NOW)
    assert found_again(workspace, weight, at=1) == comes_back
    assert statuses(workspace) == [("dismissed", 100)] + [("open", weight)] * comes_back
    assert found_again(workspace, weight, at=2) == 0


def test_an_accepted_finding_stays_as_it_was_decided(workspace: Workspace) -> None:
    found_again(workspace, 100)
    with workspace.store.write() as connection:
        review_flag(connection, flags(connection)[0].flag_id, FlagStatus.ACCEPTED, None, NOW)
    assert found_again(workspace, 1000, at=1) == 0
    assert statuses(workspace) == [("accepted", 100)]


def test_people_review_lists_and_decides(workspace: Workspace) -> None:
    found_again(workspace, 100)
    (listed,) = run(workspace, "people", "review")["flags"]
    assert listed["evidence"] == EVIDENCE
    assert listed["status"] == "open"
    shown = CliRunner().invoke(app, ["people", "review", "--workspace", str(workspace.path)])
    assert listed["flag_id"] in shown.stdout
    decided = run(workspace, "people", "review", "dismiss", listed["flag_id"], "--by", "ada")["flags"][0]
    assert (decided["status"], decided["reviewed_by"]) == ("dismissed", "ada")
    again = run(workspace, "people", "review", "dismiss", listed["flag_id"], "--by", "bo")["flags"][0]
    assert again == decided
    assert run(workspace, "people", "review")["flags"] == []
    assert len(run(workspace, "people", "review", "--all")["flags"]) == 1
    assert run(workspace, "people", "review", "accept", listed["flag_id"])["flags"][0]["status"] == "accepted"


def test_a_wrong_decision_is_explained(workspace: Workspace) -> None:
    assert "which flag?" in refused(workspace, "people", "review", "accept")
    assert "no flag is 'nobody'" in refused(workspace, "people", "review", "accept", "nobody")


def test_report_screens_and_takes_nothing_from_anybody(workspace: Workspace) -> None:
    votes, kinds = crowd(np.random.default_rng(1), 30, 3, (0.5, 0.5), spam=True)
    ids = dict(zip(kinds, people(workspace, len(kinds)), strict=True))
    answer(workspace, votes, ids)
    steps.evaluate(workspace)
    listed = run(workspace, "people", "review")["flags"]
    spammers = {ids[name] for name, kind in kinds.items() if kind != "honest"}
    assert {one["person_id"] for one in listed} <= spammers
    assert len(listed) >= 0.9 * len(spammers)
    # comparisons have no first side, so that always naming the same one is guessing
    assert {one["reason"] for one in listed} == {"guessing"}
    assert "person-" not in json.dumps(listed)
    steps.evaluate(workspace)
    assert run(workspace, "people", "review", "--all")["flags"] == listed
    gone = listed[0]["person_id"]
    steps.forget_person(workspace, gone, by="giver")
    steps.evaluate(workspace)
    flagged = {one["person_id"] for one in run(workspace, "people", "review", "--all")["flags"]}
    assert flagged == {one["person_id"] for one in listed} - {gone}


# the form


def sealed_rows(workspace: Workspace) -> int:
    with workspace.store.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(demographic_answer)).scalar_one()


def test_a_form_is_kept_encrypted_and_withdrawn(workspace: Workspace, tmp_path: Path) -> None:
    (ada,) = people(workspace, 1)
    file = tmp_path / "answers.yaml"
    file.write_text("country: NO\nage_band: 25-34\ngender: WOMAN\n", encoding="utf-8")
    said = run(workspace, "people", "form", "person-0@example.org", "--file", str(file))
    assert said == {"saved": True, "answered": 3, "questions": 5}
    assert list(workspace.demographics.everyone().values()) == [
        {
            "age_band": "25-34",
            "country": "NO",
            "gender": "woman",
            "education": UNDISCLOSED,
            "first_language": UNDISCLOSED,
        }
    ]
    for path in workspace.path.rglob("*"):
        if path.is_file() and path.suffix in (".db", ".key"):
            content = path.read_bytes()
            assert b"25-34" not in content
            assert b"age_band" not in content
    with workspace.store.read() as connection:
        assert connection.execute(sa.select(demographic_answer.c.subject)).scalar_one() != ada
    key = workspace.path / "secrets" / "demographics.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert run(workspace, "people", "form", ada, "--withdraw") == {"withdrawn": True}
    assert run(workspace, "people", "form", ada, "--withdraw") == {"withdrawn": False}
    assert sealed_rows(workspace) == 0


def test_the_form_is_asked_question_by_question_and_enter_discloses_nothing(workspace: Workspace) -> None:
    people(workspace, 1)
    ran = CliRunner().invoke(
        app,
        ["people", "form", "person-0@example.org", "--workspace", str(workspace.path)],
        input="\nZZ\nde\nman\n\n\n",
        catch_exceptions=False,
    )
    assert ran.exit_code == 0, ran.output
    (kept,) = workspace.demographics.everyone().values()
    assert (kept["age_band"], kept["country"], kept["gender"]) == (UNDISCLOSED, "DE", "man")
    assert "2 of 5 questions answered" in ran.output


def test_the_template_is_a_valid_form_that_discloses_nothing(workspace: Workspace, tmp_path: Path) -> None:
    questions = demographic_questions(workspace.config.demographics)
    text = run(workspace, "people", "form", "--template")["form"]
    assert text == form_template(questions)
    (tmp_path / "form.yaml").write_text(text, encoding="utf-8")
    assert read_form(tmp_path / "form.yaml", questions) == dict.fromkeys(questions, UNDISCLOSED)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gender: secret thing", "the answer to 'gender' is none of: woman, man,"),
        ("country: secret thing", "none of: a two-letter code, prefer not to say"),
        ("gender: [secret thing]", "the answer to 'gender' is none of"),
        ("shoe_size: 43", "'shoe_size' is no question of the form"),
        ("- a", "must hold questions and answers"),
        ("gender: [", "is not YAML"),
    ],
)
def test_a_wrong_form_is_explained_without_repeating_what_was_said(
    workspace: Workspace, tmp_path: Path, text: str, said: str
) -> None:
    people(workspace, 1)
    (tmp_path / "form.yaml").write_text(text, encoding="utf-8")
    file = str(tmp_path / "form.yaml")
    complaint = refused(workspace, "people", "form", "person-0@example.org", "--file", file)
    assert said in complaint
    assert "secret thing" not in complaint
    assert sealed_rows(workspace) == 0


def test_nobody_unknown_has_a_form(workspace: Workspace) -> None:
    assert "nobody here is 'zed'" in refused(workspace, "people", "form", "zed", "--withdraw")
    assert "whose form?" in refused(workspace, "people", "form")


def test_a_lost_key_is_not_replaced(workspace: Workspace) -> None:
    ada, bo = people(workspace, 2)
    workspace.demographics.save(ada, {"gender": "woman"})
    (workspace.path / "secrets" / "demographics.key").unlink()
    with (
        Workspace.open(workspace.path) as again,
        pytest.raises(ConfigurationError, match=r"the demographics key .* restore it from your backup"),
    ):
        again.demographics.save(bo, {"gender": "man"})


def test_an_own_question_is_part_of_the_form(tmp_path: Path) -> None:
    own = '{coder: {title: "Do you write code?", options: ["yes", "no"]}}'
    with Workspace.create(
        tmp_path / "w", template().replace("  questions: {}", f"  questions: {own}")
    ) as made:
        question = demographic_questions(made.config.demographics)["coder"]
        assert question.options == ("yes", "no", UNDISCLOSED)
        assert checked("coder", question, "YES") == "yes"
        with pytest.raises(UsageError):
            checked("coder", question, "perhaps")


# published tables


def fill_in(workspace: Workspace, ids: list[str], seed: int = 0) -> None:
    rng = random.Random(seed)
    for person in ids:
        answers = {
            "gender": rng.choice(["woman", "man"]),
            "age_band": rng.choice(["25-34", "35-44", "45-54"]),
        }
        workspace.demographics.save(person, answers)


def layers(workspace: Workspace) -> dict[str, Any]:
    return {one["layer"]: one for one in run(workspace, "demographics")["layers"]}


def shown(layer: dict[str, Any]) -> dict[str, Any]:
    return {",".join(row["group"].values()) or "everybody": row for row in layer["published"]["groups"]}


@pytest.mark.slow
def test_published_tables_hold_rounded_groups_and_nobodys_id(declared: Workspace) -> None:
    votes, kinds = crowd(np.random.default_rng(2), 60, 3, (0.4, 0.2, 0.4), spam=False)
    ids = dict(zip(kinds, people(declared, 60), strict=True))
    answer(declared, votes, ids)
    fill_in(declared, list(ids.values()))
    found = layers(declared)
    assert set(found) == {"people", "preference"}
    counted = shown(found["people"])
    assert counted["everybody"]["people"] == 60
    assert all(row["people"] >= 10 and row["people"] % 5 == 0 for row in counted.values())
    assert len(counted) >= 3
    described = shown(found["preference"])
    assert {"woman", "man"} & set(described)
    assert not {"25-34", "35-44", "45-54"} & set(described)  # declared without 'question'
    for row in described.values():
        assert sum(row["answers"].values()) == pytest.approx(1, abs=0.1)
        for figure in [*row["answers"].values(), *row.get("agreement", {}).values()]:
            assert (
                figure is None or isinstance(figure, bool) or round(figure * 20) == pytest.approx(figure * 20)
            )
    said = json.dumps(found)
    assert not any(person in said or declared.demographics.subject(person) in said for person in ids.values())
    assert layers(declared) == found  # nothing new, nothing changes
    text = CliRunner().invoke(app, ["demographics", "--workspace", str(declared.path)])
    assert "everybody" in text.stdout


@pytest.mark.slow
def test_a_few_more_people_do_not_show_and_many_more_do(declared: Workspace) -> None:
    fill_in(declared, people(declared, 60))
    first = layers(declared)["people"]
    fill_in(declared, people(declared, 5, start=60), seed=1)
    assert layers(declared)["people"] == first
    fill_in(declared, people(declared, 120, start=60), seed=2)
    later = layers(declared)["people"]
    assert later["number"] == 2
    assert shown(later)["everybody"]["people"] == 180


def test_one_person_who_withdraws_does_not_show_and_leaves_no_trace(declared: Workspace) -> None:
    ids = people(declared, 60)
    fill_in(declared, ids)
    first = layers(declared)["people"]
    assert run(declared, "people", "form", ids[0], "--withdraw") == {"withdrawn": True}
    assert layers(declared)["people"] == first
    with declared.store.read() as connection:
        (sealed,) = connection.execute(sa.select(demographic_snapshot.c.roster)).scalars()
    roster = declared.demographics.unseal(sealed)
    assert isinstance(roster, dict)
    assert len(roster) == 60
    assert declared.demographics.subject(ids[0]) not in roster
    assert declared.demographics.subject(ids[1]) in roster


def test_too_few_people_publish_nothing(declared: Workspace) -> None:
    fill_in(declared, people(declared, 9))
    assert layers(declared) == {}


def test_nothing_is_published_without_a_declared_table(workspace: Workspace) -> None:
    fill_in(workspace, people(workspace, 40))
    assert layers(workspace) == {}
    ran = CliRunner().invoke(app, ["demographics", "--workspace", str(workspace.path)])
    assert "No table is declared" in ran.stdout


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ("[[shoe_size]]", "demographics.tables names 'shoe_size'; the form asks for age_band, country"),
        ("[[gender, country], [country, education], [education, gender]]", "form a cycle"),
    ],
)
def test_tables_that_cannot_be_published_safely_are_refused(tmp_path: Path, tables: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        Workspace.create(tmp_path / "w", template().replace("  tables: []", f"  tables: {tables}"))


def test_counts_with_noise_spend_less_than_epsilon_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opendp", reason="OpenDP is missing: install the extra 'privacy'")
    text = (
        template()
        .replace("  tables: []", "  tables: [[gender]]")
        .replace("  epsilon: null", "  epsilon: 2.0")
    )
    with Workspace.create(tmp_path / "w", text) as made:
        fill_in(made, people(made, 80))
        first = layers(made)
        assert set(first) == {"noisy"}
        assert first["noisy"]["published"]["epsilon"] == 1.0
        for row in first["noisy"]["published"]["groups"]:
            assert 15 < row["people"] < 65
        assert layers(made) == first
        later = utc_now() + timedelta(days=31)
        monkeypatch.setattr("chatfeedback.steps.demographics.utc_now", lambda: later)
        assert layers(made)["noisy"]["published"]["epsilon"] == 0.5


def test_noise_changes_counts_about_as_much_as_it_should() -> None:
    pytest.importorskip("opendp", reason="OpenDP is missing: install the extra 'privacy'")
    from quality.demographics import noisy_counts

    options = {"a": [str(number) for number in range(2000)], "b": ["x"]}
    counts = noisy_counts([{"a": "0", "b": "x"}] * 500, options, [("a",), ("b",)], epsilon=1.0)
    empty = [n for cell, n in counts.items() if cell not in {(("a", "0"),), (("b", "x"),)}]
    assert np.mean(np.abs(empty)) == pytest.approx(2.0, rel=0.15)  # two tables: scale 2 / epsilon
    assert abs(counts[("a", "0"),] - 500) < 50


def test_the_settings_of_the_form_are_checked(tmp_path: Path) -> None:
    for setting in ("k: 5", "dominance: 0.95", "rounding: 1"):
        name = setting.split(":")[0]
        default = yaml.safe_load(template())["demographics"][name]
        text = template().replace(f"  {name}: {default}", f"  {setting}")
        with pytest.raises(ConfigurationError, match=f"demographics.{name}"):
            Workspace.create(tmp_path / name, text)
