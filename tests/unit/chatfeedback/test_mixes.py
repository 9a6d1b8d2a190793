"""Several mixes, quotas, filters, caps and the dry run, from the configuration to the tasks in the store."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.steps import generate
from task_generators.mix import in_order
from task_generators.value import uncertainty
from tests.sample_records import NOW, annotation, chat, seeds_of, siblings
from workspaces.config import Config
from workspaces.records import ItemPosterior, Significance
from workspaces.store.chat_exchanges import Choice, keep_choice
from workspaces.store.gold import all_gold
from workspaces.store.moderations import ModerationEntry, save_moderation
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.spending import ModelPrice, Tokens, save_usage
from workspaces.store.tasks import all_tasks
from workspaces.workspace import CONFIG_NAME, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workspaces.records import Conversation, Task

Q, P = "qualitative", "preference"
BOTH: dict[str, Any] = {"version": 1, "platforms": {"argilla": {}, "label_studio": {}}}
LEVELS = list(Significance)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w", "version: 1\nplatforms: {argilla: {}, label_studio: {}}\n") as made:
        yield made


def fill(workspace: Workspace, logs: list[Conversation]) -> None:
    workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
    seeds = seeds_of(logs).values()
    rated = [replace(seed, significance=LEVELS[place % 3]) for place, seed in enumerate(seeds)]
    with workspace.store.write() as connection:
        save_seeds(connection, rated)


def logs_of(count: int, model: str = "m1", name: str = "c", **changes: Any) -> list[Conversation]:
    made = [chat(f"{name}{n}", f"{name} question {n}", f"an answer {n}") for n in range(count)]
    return [
        replace(
            log,
            model_name=model,
            messages=tuple(replace(it, model_name=it.model_name and model) for it in log.messages),
            **changes,
        )
        for log in made
    ]


def pairs_of(count: int, name: str = "s") -> list[Conversation]:
    return [siblings(f"{name}{n}", f"{name} question {n}?", f"one {n}", f"two {n}") for n in range(count)]


def configure(workspace: Workspace, **sections: Any) -> None:
    (workspace.path / CONFIG_NAME).write_text(json.dumps(BOTH | sections, default=str), encoding="utf-8")
    workspace.config = Config.model_validate(BOTH | sections)


def tasks_of(workspace: Workspace) -> list[Task]:
    with workspace.store.read() as connection:
        return list(all_tasks(connection).values())


def test_a_dry_run_says_what_a_draw_makes_and_makes_none(workspace: Workspace) -> None:
    fill(workspace, logs_of(40) + pairs_of(20))
    configure(workspace, mix={"limit": 30, "kinds": {Q: 2, P: 1}, "reask": 0.1})
    foretold = steps.generate_tasks(workspace, dry_run=True)
    assert tasks_of(workspace) == []
    made = steps.generate_tasks(workspace)
    assert foretold.dry_run
    assert not made.dry_run
    made.dry_run = True
    assert foretold == made
    assert made.mixes["default"].tables["kind"] == {Q: [0, 20], P: [0, 10]}
    assert made.asked_again == 3


def test_shares_of_kinds_and_platforms_and_of_those_that_show_the_seed_are_exact(
    workspace: Workspace,
) -> None:
    fill(workspace, logs_of(200) + pairs_of(120))
    configure(
        workspace,
        mix={
            "limit": 100,
            "kinds": {Q: 8, P: 2},
            "platforms": {P: "label_studio", "default": {"argilla": 3, "label_studio": 1}},
            "show_seed": 0.2,
        },
    )
    found = steps.generate_tasks(workspace)
    tasks = tasks_of(workspace)
    places = Counter((task.kind, task.platform) for task in tasks)
    assert places == {(P, "label_studio"): 20, (Q, "argilla"): 60, (Q, "label_studio"): 20}
    assert sum(task.seed_shown for task in tasks) == 16
    assert found.mixes["default"].shortfalls == []


def test_a_share_that_cannot_be_reached_is_named_with_the_reason(workspace: Workspace) -> None:
    fill(workspace, logs_of(60) + pairs_of(5))
    configure(workspace, mix={"limit": 40, "kinds": {Q: 1, P: 1}, "gold": 0.2})
    shortfalls = {it.what: it for it in steps.generate_tasks(workspace).mixes["default"].shortfalls}
    assert (shortfalls[f"kind {P}"].wanted, shortfalls[f"kind {P}"].reached) == (0.5, 5 / 40)
    assert "has 5 candidates" in shortfalls[f"kind {P}"].why
    assert f"fills the place of {P}" in shortfalls[f"kind {Q}"].why
    assert "gold add" in shortfalls["gold"].why


def test_no_model_gets_more_than_its_quota_and_what_is_left_out_is_counted(workspace: Workspace) -> None:
    fill(workspace, logs_of(60, "m1", "a") + logs_of(10, "m2", "b") + logs_of(10, "m3", "d"))
    configure(workspace, mix={"limit": 60, "kinds": {Q: 1}, "quotas": {"model": {"m1": 0.5}}})
    found = steps.generate_tasks(workspace)
    assert found.mixes["default"].tables["model"] == {"m1": [0, 20], "m2": [0, 10], "m3": [0, 10]}
    (short,) = found.mixes["default"].shortfalls
    assert (short.what, short.wanted, short.reached) == ("limit, by quotas.model", 60, 40)
    assert {it.reason: it.conversations for it in found.outcomes} == {"with tasks": 40, "beyond a quota": 40}
    assert steps.generate_tasks(workspace).created == 0


def test_a_quota_that_nothing_can_keep_makes_no_task_and_says_so(workspace: Workspace) -> None:
    fill(workspace, logs_of(20))
    configure(workspace, mix={"kinds": {Q: 1}, "quotas": {"model": 0.5}})
    found = steps.generate_tasks(workspace)
    assert found.created == 0
    assert [it.what for it in found.mixes["default"].shortfalls] == ["limit, by quotas.model"]


def test_a_mix_draws_only_from_what_it_names(workspace: Workspace) -> None:
    old, new = (datetime(year, 3, 1, tzinfo=UTC) for year in (2024, 2026))
    fill(
        workspace,
        logs_of(5, "m1", "a", timestamp=new, source="here")
        + logs_of(5, "m2", "b", timestamp=new, source="here")
        + logs_of(5, "m1", "d", timestamp=old, source="here")
        + logs_of(5, "m1", "e", timestamp=new, source="there")
        + logs_of(5, "m1", "f", source="here"),
    )
    only = {"models": ["M1"], "sources": ["here"], "since": "2026-01-01", "until": "2026-12-31"}
    configure(workspace, mix={"kinds": {Q: 1}, "only": only})
    found = steps.generate_tasks(workspace)
    assert {name[0] for task in tasks_of(workspace) for name in task.conversation_ids} == {"a"}
    assert {it.reason: it.conversations for it in found.outcomes} == {
        "with tasks": 5,
        "outside what mixes draw from": 20,
    }


def test_flags_are_those_of_an_endpoint_as_well_and_names_that_nothing_has_are_said(
    workspace: Workspace,
) -> None:
    fill(workspace, logs_of(6, "m1", "a") + logs_of(6, "m2", "b", source="here"))
    verdicts = [
        ModerationEntry("a1#1", "omni", "a1", True, ("violence",), NOW),
        ModerationEntry("a2#0", "omni", "a2", True, (), NOW),
        ModerationEntry("a3#1", "omni", "a3", False, (), NOW),
    ]
    with workspace.store.write() as connection:
        save_moderation(connection, verdicts)
    select = {"show_flagged": {"safety": ["moderation"]}}
    for flags, made in (
        (["moderation"], {"a1", "a2"}),
        (["moderation:violence"], {"a1"}),
        (["toxic"], set()),
    ):
        configure(workspace, select=select, mix={"kinds": {"safety": 1}, "only": {"flags": flags}})
        found = steps.generate_tasks(workspace, dry_run=True)
        assert found.created == len(made)
        assert found.mixes["default"].unknown == ({} if made else {"only.flags": ("toxic",)})
    only = {
        "models": ["M1", "m9"],
        "sources": ["here", "nowhere"],
        "languages": ["xx"],
        "topics": ["unknown"],
    }
    configure(workspace, mix={"only": only, "quotas": {"model": {"m8": 1, "each": 2}}})
    workspace.close()
    ran = CliRunner().invoke(app, ["generate", "--dry-run", "--workspace", str(workspace.path)])
    for setting, name in (("models", "m9"), ("sources", "nowhere"), ("languages", "xx")):
        assert f"warning: only.{setting} names '{name}', which no conversation has" in ran.stderr
    assert "warning: quotas.model names 'm8', which no conversation has" in ran.stderr
    assert ran.stderr.count("warning") == 4


def test_mixes_share_the_candidates_and_each_keeps_its_own_settings(workspace: Workspace) -> None:
    fill(workspace, logs_of(50) + pairs_of(30))
    configure(
        workspace,
        mixes={
            "experts": {"limit": 20, "kinds": {P: 1}, "platforms": {"default": "label_studio"}, "overlap": 5},
            "crowd": {"limit": 60, "kinds": {Q: 1, P: 1}, "platforms": {"default": "argilla"}, "reask": 0.1},
        },
    )
    found = steps.generate_tasks(workspace)
    tasks = tasks_of(workspace)
    first = [task for task in tasks if task.reask_of is None]
    assert Counter((it.mix, it.kind, it.platform, it.overlap) for it in first) == {
        ("experts", P, "label_studio", 5): 20,
        ("crowd", P, "argilla", 3): 10,
        ("crowd", Q, "argilla", 3): 50,
    }
    assert {it.mix for it in tasks if it.reask_of} == {"crowd"}
    assert found.mixes["experts"].shortfalls == []
    assert steps.generate_tasks(workspace).created == 0


def test_a_second_draw_makes_up_for_shares_as_the_collection_grows(workspace: Workspace) -> None:
    fill(workspace, logs_of(60) + pairs_of(4))
    mix = {"limit": 20, "kinds": {Q: 1, P: 1}}
    configure(workspace, mix=mix)
    steps.generate_tasks(workspace)
    fill(workspace, pairs_of(80, "t"))
    configure(workspace, mix=mix | {"limit": 80})
    found = steps.generate_tasks(workspace)
    assert found.mixes["default"].tables["kind"] == {Q: [16, 24], P: [4, 36]}


def test_caps_bound_what_is_made_in_a_day_and_in_a_week(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace, logs_of(60))
    configure(workspace, mix={"kinds": {Q: 1}, "per_day": 10, "per_week": 25})
    made, stopped = [], []
    monday = datetime(2026, 6, 1, 12, tzinfo=UTC)
    for day in range(9):
        monkeypatch.setattr(generate, "utc_now", lambda day=day: monday + timedelta(days=day))
        found = steps.generate_tasks(workspace)
        made.append(found.created)
        stopped.append(found.mixes["default"].stopped)
        assert steps.generate_tasks(workspace).created == 0
    assert made == [10, 10, 5, 0, 0, 0, 0, 10, 10]
    assert stopped[:4] == ["per_day", "per_day", "per_week", "per_week"]


def answered(tasks: list[Task], people: str, values: dict[str, str]) -> list[Any]:
    return [annotation(task.id, person, values) for task in tasks for person in people]


def test_unanimous_tasks_become_gold_that_nobody_can_tell_from_other_tasks(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(workspace, pairs_of(20))
    configure(workspace, mix={"kinds": {P: 1}, "limit": 10})
    steps.generate_tasks(workspace)
    tasks = tasks_of(workspace)
    given = answered(tasks[:4], "abc", {P: "a"}) + answered(tasks[4:6], "ab", {P: "a"})
    given += answered(tasks[6:7], "ab", {P: "a"}) + answered(tasks[6:7], "c", {P: "b"})
    monkeypatch.setattr("chatfeedback.steps.unanimous.latest_annotations", lambda _: given)
    configure(
        workspace, mix={"kinds": {P: 1}, "limit": 20, "gold": 0.1}, rates={"version": "2", "preference": 9}
    )
    assert steps.generate_tasks(workspace).gold == 2
    with workspace.store.read() as connection:
        gold, all_of = all_gold(connection), all_tasks(connection)
    for task_id, right in gold.items():
        copy = all_of[task_id]
        assert right == {P: "a"}
        assert copy.reask_of in {task.id for task in tasks[:4]}
        assert copy.platform == all_of[copy.reask_of].platform
        posteriors = [ItemPosterior(P, P, item, {}, {"first": 1.0}) for item in copy.message_ids]
        assert uncertainty(copy, posteriors) == 1.0, "it is offered as readily as new work"
    new = [task for task in all_of.values() if task not in tasks]
    for name in ("argilla", "label_studio"):
        pushed = in_order([task for task in new if task.platform == name])
        assert [task.id for task in pushed] == sorted(task.id for task in pushed), "by lot, gold among work"
    for level in Significance:
        offers = [(task.quote, task.rules_version) for task in new if task.significance is level]
        assert offers == offers[:1] * len(offers), "old offers would tell gold from work"
    assert steps.generate_tasks(workspace).created == 0


def test_the_command_shows_tables_costs_and_reasons(workspace: Workspace) -> None:
    fill(workspace, logs_of(30) + pairs_of(3))
    llm = {"base_url": "http://127.0.0.1:9/v1", "model": "judge", "input_price": 1.0, "output_price": 2.0}
    configure(workspace, mix={"limit": 20}, llm=llm)
    workspace.collection.append(logs_of(10, name="w"), now=NOW, delay=NOW - NOW)
    workspace.close()
    result = CliRunner().invoke(app, ["generate", "--dry-run", "--workspace", str(workspace.path)])
    assert result.exit_code == 0, result.output
    assert "20 new tasks would be made (3 preference, 17 qualitative) beside 0; at most" in result.output
    for heading in ("By kind", "By platform", "By significance", "By language", "By topic", "By model"):
        assert heading in result.output
    assert "Rating them would cost about 0.01 USD, by the length of the texts, a rough guess" in result.output
    assert f"kind {P}: 50.0% wanted, 15.0% reached" in result.output
    assert "Chats wait" not in result.output
    with Workspace.open(workspace.path) as opened, opened.store.write() as connection:
        keep_choice(connection, Choice("c", "p", "chat", "{}", NOW))
    result = CliRunner().invoke(app, ["generate", "--dry-run", "--workspace", str(workspace.path)])
    assert "Chats wait that generate reads into the collection first" in result.output


def test_the_money_of_a_dry_run_is_that_of_every_judge_and_of_the_canaries(workspace: Workspace) -> None:
    workspace.collection.append(logs_of(60), now=NOW, delay=NOW - NOW)

    def money(**changes: Any) -> float | None:
        prices = {"input_price": 1000.0, "output_price": 0.0}
        llm = {"base_url": "http://127.0.0.1:9/v1", "model": "unused", "canaries": 0.0, **prices, **changes}
        configure(workspace, llm=llm)
        cost = steps.generate_tasks(workspace, dry_run=True).seed_cost
        assert cost is not None
        assert not cost.measured
        return cost.money

    one = money()
    assert one
    cheap = {"model": "b", "input_price": 250.0, "output_price": 0.0}
    assert money(judges=["a"]) == pytest.approx(one)
    assert money(judges=["a", cheap]) == pytest.approx(1.25 * one)
    assert money(judges=["a", {"model": "c", "base_url": "http://127.0.0.1:8/v1"}]) is None
    assert money(canaries=0.5) == pytest.approx(1.5 * one)
    with workspace.store.write() as connection:
        for model, micros in (("a", 3.0), ("b", 1.0)):
            priced = ModelPrice(model, micros, 0.0, "USD")
            save_usage(connection, model, "seed", priced, Tokens(1, 0, 1000, 0), NOW)
        rated = seeds_of(logs_of(2)).values()
        save_seeds(connection, [replace(seed, agent=model) for seed in rated for model in "ab"])
    configure(
        workspace,
        llm={
            "base_url": "http://127.0.0.1:9/v1",
            "model": "unused",
            "judges": ["a", cheap],
            "input_price": 1.0,
            "output_price": 1.0,
        },
    )
    cost = steps.generate_tasks(workspace, dry_run=True).seed_cost
    assert cost is not None
    assert cost.measured
    assert cost.responses == 58
    assert cost.money == pytest.approx(58 * (1500 + 500) / 1e6)


def test_the_order_in_which_logs_were_read_changes_no_task(tmp_path: Path) -> None:
    logs = logs_of(40, "m1", "a") + logs_of(20, "m2", "b") + pairs_of(20)
    drawn = []
    for name, order in (("one", logs), ("other", logs[::-1])):
        with Workspace.create(tmp_path / name, json.dumps(BOTH)) as made:
            for start in range(0, len(order), 30):
                made.collection.append(order[start : start + 30], now=NOW, delay=NOW - NOW)
            with made.store.write() as connection:
                save_seeds(connection, list(seeds_of(logs).values()))
            mix = {"limit": 30, "quotas": {"model": 0.4}, "show_seed": 0.3, "reask": 0.1, "adaptive": {}}
            configure(made, mix=mix)
            steps.generate_tasks(made)
            drawn.append(
                {
                    (
                        it.id,
                        it.kind,
                        it.message_ids,
                        it.platform,
                        it.seed_shown,
                        it.reask_of,
                        it.least_answers,
                    )
                    for it in tasks_of(made)
                }
            )
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 33


def test_quotas_hold_by_the_tasks_that_the_budget_pays(workspace: Workspace) -> None:
    fill(workspace, [log for model in "abcd" for log in logs_of(20, model, model)])
    mix = {"limit": 60, "kinds": {Q: 1}, "quotas": {"model": 0.3}}
    configure(workspace, mix=mix)
    whole = steps.generate_tasks(workspace, dry_run=True)
    assert whole.created == 60
    for points in range(100, whole.points, 100):
        configure(workspace, mix=mix, budget={"points_total": points})
        some = steps.generate_tasks(workspace, dry_run=True)
        assert some.points <= points
        assert some.created + some.beyond_budget == 60
        assert sum(outcome.conversations for outcome in some.outcomes) == 80
        of_models = some.mixes["default"].tables.get("model", {}).values()
        assert all(new <= 0.3 * some.created for _, new in of_models)


def test_what_the_budget_leaves_of_a_share_is_said_to_be_its_doing(workspace: Workspace) -> None:
    fill(workspace, logs_of(80))
    mix = {"limit": 60, "kinds": {Q: 1}, "show_seed": 0.5, "reask": 0.1, "gold": 0.1}
    configure(workspace, mix=mix, budget={"points_total": 2000})
    some = steps.generate_tasks(workspace, dry_run=True)
    assert some.beyond_budget
    why = {short.what: short.why for short in some.mixes["default"].shortfalls}
    assert {"reask", "gold"} <= why.keys()
    assert set(why.values()) == {"budget.points_total could pay no more"}


def test_a_draw_that_the_budget_cuts_short_is_completed_later_by_the_same_tasks(workspace: Workspace) -> None:
    fill(workspace, logs_of(40) + pairs_of(30))
    mix = {"limit": 40, "kinds": {Q: 1, P: 1}, "reask": 0.1}
    configure(workspace, mix=mix)
    whole = steps.generate_tasks(workspace, dry_run=True)
    configure(workspace, mix=mix, budget={"points_total": whole.points // 2})
    some = steps.generate_tasks(workspace)
    assert 0 < some.created < whole.created
    assert some.created + some.beyond_budget == whole.created
    configure(workspace, mix=mix)
    rest = steps.generate_tasks(workspace)
    assert some.created + rest.created == whole.created
    assert rest.mixes["default"].tables["kind"].keys() == {Q, P}
    assert Counter(it.kind for it in tasks_of(workspace) if it.reask_of is None) == {Q: 20, P: 20}


@pytest.mark.parametrize("points", [300, 525, 556])
def test_a_second_draw_finds_nothing_that_the_budget_still_pays(workspace: Workspace, points: int) -> None:
    """Quotas let others through where there are fewer tasks, and the budget may still pay these."""
    fill(workspace, [*(log for model in "abcd" for log in logs_of(12, model, model)), *pairs_of(12)])
    mix = {"kinds": {Q: 1, "preference": 1}, "quotas": {"model": 0.3}}
    configure(workspace, mix=mix, budget={"points_total": points})
    first = steps.generate_tasks(workspace)
    tasks = tasks_of(workspace)
    assert first.created == len(tasks) == first.mixes["default"].created
    assert first.mixes["default"].existing == 0
    assert first.points == sum(task.points * task.overlap for task in tasks) <= points
    again = steps.generate_tasks(workspace)
    assert (again.created, again.existing) == (0, len(tasks))
