"""Rules that choose what goes into a training set: what falls out says at which rule, and everything adds up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import exports
from exports import Evidence, NothingToExportError, all_projections, projection_of
from exports.counts import Counted
from exports.projections.tpo import PROJECTION as TPO
from exports.weights import Weights
from tests.unit.exports.export_records import NOW, World
from workspaces.config import ExportsConfig


def world() -> World:
    """Three pairs: one of four people who agree, one of four of whom three do, one of one person."""
    made = World()
    for number, votes in enumerate(("aaaa", "aaab", "b")):
        made.votes(made.task(*made.chat(f"question {number}", "one", "two", licence=f"l{number}")), votes)
    made.votes(made.task(*made.chat("tied", "one", "two")), "ab")
    return made


def evidence(made: World) -> Evidence:
    languages = {
        conversation.id: "de" if conversation.id == "c0" else "en" for conversation in made.conversations
    }
    return Evidence(
        made.tasks,
        made.annotations,
        made.contexts,
        Weights(posteriors=POSTERIORS),
        languages=languages,
        flagged={"c0"},
    )


POSTERIORS = {
    ("preference", "preference", "c0r0|c0r1"): {"first": 0.9, "second": 0.06, "tie": 0.04},
    ("preference", "preference", "c2r0|c2r1"): {"first": 0.4, "second": 0.5, "tie": 0.1},
}


def tried(made: World, name: str = "dpo", **rules: Any) -> exports.ExportResult:
    return exports.export(
        Path("/nowhere/that/could/be/written"),
        projection_of(name),
        evidence(made),
        ledger_tip=None,
        created_at=NOW,
        any_licence=True,
        rules=ExportsConfig.model_validate(rules),
        dry_run=True,
    )


@pytest.mark.parametrize(
    ("rules", "left", "reason"),
    [
        ({"min_people": 2}, 2, "min_people"),
        ({"min_agreement": 0.8}, 2, "min_agreement"),
        ({"min_margin": 0.9}, 2, "min_margin"),
        ({"min_posterior": 0.7}, 1, "min_posterior"),
        ({"skip_flags": ["refusal"]}, 2, "skip_flags"),
        ({"languages": ["de"]}, 1, "languages"),
        ({"licences": ["l1", "l2"]}, 2, "licences"),
        ({"licences": ["L1", "L2"]}, 2, "licences"),
        ({"until": (NOW + timedelta(days=-1)).date().isoformat()}, 0, "since"),
        ({"kinds": ["ranking"]}, 0, "kinds"),
        ({"imported": "only"}, 0, "imported"),
        ({"sources": ["elsewhere"]}, 0, "sources"),
        ({"models": ["model-0"]}, 0, "models"),
        ({"models": ["model-0", "model-1"], "sources": ["test logs"], "imported": "exclude"}, 3, None),
    ],
)
def test_what_a_rule_leaves_out_is_counted_under_its_name(
    rules: dict[str, Any], left: int, reason: str | None
) -> None:
    if not left:
        with pytest.raises(NothingToExportError, match=rf"exports\.{reason}.*loosen the rule"):
            tried(world(), **rules)
        return
    result = tried(world(), **rules)
    assert sum(result.rows.values()) == left
    reasons = [name for name in result.accounting.items_left_out if "exports." in name]
    assert (reason is None) == (not reasons)
    assert all(f"exports.{reason}" in name for name in reasons)
    ties = result.accounting.items_beside.get("ties", 0)
    assert ties == (0 if rules.keys() & {"languages", "licences"} else 1)
    assert sum(result.accounting.items_left_out.values()) == 4 - left - ties


def test_what_a_rule_by_names_could_name_is_said_where_it_leaves_nothing() -> None:
    with pytest.raises(NothingToExportError, match=r"exports\.languages could name de, en; loosen"):
        tried(world(), languages=["German"])
    with pytest.raises(NothingToExportError) as caught:
        tried(world(), models=["model-0", "model-1"], languages=["German"], min_people=1)
    assert "exports.models could" not in str(caught.value), "they are all right"


def test_a_rule_about_answers_comes_before_what_they_decide() -> None:
    """An answer that falls out is as if nobody had given it: the pair is decided by the others."""
    made = World()
    pair = made.chat("q", "one", "two")
    made.votes(made.task(*pair), "bb")
    made.answer(made.task(*pair, kind="preference_strength"), "p7", strength="-3")
    made.answer(made.task(*pair, kind="preference_strength"), "p8", strength="-3")
    made.answer(made.task(*pair, kind="preference_strength"), "p9", strength="-3")
    result = tried(made, kinds=["preference"])
    assert result.dropped == {"answer to a kind of task that exports.kinds leaves out": 3}
    assert result.accounting.judgments_trained == 2


RULES = st.fixed_dictionaries(
    {},
    optional={
        "min_people": st.integers(1, 5),
        "min_agreement": st.floats(0, 1),
        "min_margin": st.floats(-3, 3),
        "min_posterior": st.floats(0, 1),
        "skip_flags": st.lists(st.sampled_from(["toxic", "refusal"])),
        "weights": st.sampled_from(["none", "confidence", "posterior"]),
        "kinds": st.lists(st.sampled_from(["preference", "ranking", "qualitative"])),
        "languages": st.lists(st.sampled_from(["de", "en"])),
        "models": st.lists(st.sampled_from(["model-0", "model-1", "model-2"])),
        "licences": st.lists(st.sampled_from(["l0", "l1", "mit"])),
    },
)


JUDGED = ["dpo", "kto", "sft", "tpo", "ranking", "safety", "edit", "rubric", "helpsteer3", "ultrafeedback"]


@given(st.sampled_from(JUDGED), RULES)
def test_every_judgment_and_every_item_is_somewhere(name: str, rules: dict[str, Any]) -> None:
    made = world()
    one, two, three = made.chat("r", "one", "two", "three")
    made.answer(made.task(one, two, three), "p0", ranking="b > a = c")
    made.answer(made.task(one, three, kind="preference_strength"), "p5", strength="-2")
    made.answer(made.task(one), "p4", suggestion="a fifth", instruction="no", helpful="no")
    made.harm(one, "p1", "hate")
    made.rewrite(two, "p2", "four, which is better")
    made.check(made.task(one, kind="rubric_of_exports"), "p6", "met", "na", "not_met")
    for person in ("p0", "p1"):
        made.answer(made.task(three), person, instruction="yes", helpful="yes")
    try:
        result = tried(made, name, **rules)
    except NothingToExportError:
        return
    whole = tried(made, name)
    told = result.accounting
    assert told.judgments == len(made.annotations)
    assert told.judgments == told.judgments_trained + sum(told.judgments_beside.values()) + sum(
        told.judgments_left_out.values()
    )
    assert told.items == told.items_trained + sum(told.items_beside.values()) + sum(
        told.items_left_out.values()
    )
    if not rules.get("kinds"):
        assert told.items == whole.accounting.items
        assert told.items_trained <= whole.accounting.items_trained


def test_the_rules_stand_in_manifest_and_card(tmp_path: Path) -> None:
    made = world()
    rules = ExportsConfig(min_people=2, licences=("l0", "l1"))
    written = exports.export(
        tmp_path / "out",
        projection_of("dpo"),
        evidence(made),
        ledger_tip=None,
        created_at=NOW,
        any_licence=True,
        rules=rules,
    )
    assert not written.dry_run
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "- Rule: `min_people`: 2." in card
    assert "- Rule: `licences`: l0, l1." in card
    assert "| pair on a licence that exports.licences leaves out | 1 |" in card
    assert '"chosen_by": {' in (tmp_path / "out" / "manifest.json").read_text("utf-8")
    assert tried(made, min_people=2, licences=["l0", "l1"]).digest == written.digest


def test_the_items_of_every_export_name_their_models() -> None:
    made = world()
    for name, projection in all_projections().items():
        for item in projection.select(evidence(made)).items:
            assert isinstance(item.models, tuple), name


def test_what_is_not_trained_on_keeps_to_the_rules_about_content(tmp_path: Path) -> None:
    made = World()
    made.votes(made.task(*made.chat("mine", "one", "two", licence="mit")), "aa")
    made.votes(made.task(*made.chat("theirs", "three", "four", licence="cc-by-nc")), "ab")
    result = tried(made, licences=["mit"], min_people=2)
    assert result.accounting.items_beside == {}
    assert result.dropped == {"answer on a licence that exports.licences leaves out": 2}


def test_who_has_no_name_counts_as_one_and_a_decision_needs_no_agreement() -> None:
    made = World()
    task = made.task(*made.chat("q", "one", "two"))
    for number in range(3):
        made.answer(task, f"anonymous-{number}", preference="a")
    with pytest.raises(NothingToExportError, match="min_people"):
        tried(made, min_people=2)
    made.answer(task, "p1", preference="a")
    assert sum(tried(made, min_people=2).rows.values()) == 1


def test_who_wrote_the_reference_did_not_judge_the_pair() -> None:
    made = World()
    for voters in ("a", "aa"):
        one, two = made.chat(f"asked of {voters}", "one", "two")
        made.votes(made.task(one, two), voters)
        made.rewrite(two, "p9", "three, which is better")
    assert sum(tried(made, "tpo").rows.values()) == 2
    counts = Counted()
    counts.see(TPO.select(evidence(made)).items)
    assert (counts.items, counts.single) == (2, 1)
    assert sum(tried(made, "tpo", min_people=2).rows.values()) == 1


@pytest.mark.parametrize(
    ("name", "rules", "keys"),
    [
        ("dpo", {"min_agreement": 0.1, "min_margin": -1, "min_posterior": 0.01, "min_people": 1}, []),
        ("kto", {"min_agreement": 0.1, "min_margin": 0.1}, ["min_margin"]),
        ("rubric", {"min_agreement": 0.9, "min_people": 1}, ["min_agreement"]),
        (
            "sharelm",
            {"min_people": 2, "own": "exclude", "until": "2099-01-01"},
            ["own", "until", "min_people"],
        ),
    ],
)
def test_a_rule_that_can_leave_nothing_out_is_told(name: str, rules: dict[str, Any], keys: list[str]) -> None:
    made = world()
    made.check(made.task("c0r0", kind="rubric_of_exports"), "p0", "met", "na", "not_met")
    given_evidence = Evidence(
        made.tasks, made.annotations, made.contexts, Weights(posteriors=POSTERIORS),
        collected=made.evidence().collected,
    )  # fmt: skip
    result = exports.export(
        Path("/nowhere/that/could/be/written"), projection_of(name), given_evidence, ledger_tip=None,
        created_at=NOW, any_licence=True, rules=ExportsConfig.model_validate(rules), dry_run=True,
    )  # fmt: skip
    told = [it.split()[2] for it in result.warnings if "leaves out nothing here" in it]
    assert sorted(told) == sorted(keys)
