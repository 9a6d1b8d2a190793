"""``chatfeedback route`` on a platform in memory: what people are given, and what is left of a run that is killed."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from chatfeedback import steps
from chatfeedback.cli import app
from chatfeedback.cli.sync import _round
from tests.numbered_platform import NumberedPlatform
from tests.routed_platform import BOX, KilledError, RoutedPlatform
from tests.sample_records import NOW, chat
from workspaces.errors import ConfigurationError, ConnectionFailedError, UsageError, WorkbenchError
from workspaces.records import AnnotationStatus, PlacedTask
from workspaces.store.gold import save_gold
from workspaces.store.identities import save_identities
from workspaces.store.members import MemberStatus, admit
from workspaces.store.near_duplicates import join
from workspaces.store.takebacks import lapsed
from workspaces.store.tasks import all_tasks
from workspaces.workspace import Workspace, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from workspaces.forms import Form, TaskContent
    from workspaces.platforms.base import Refuse

TASKS, AHEAD, RESERVE, OVERLAP = 22, 3, 2, 2
CONFIGURATION = f"""\
version: 1
platforms: {{argilla: {{}}}}
mix: {{kinds: {{qualitative: 1}}, overlap: {OVERLAP}}}
routing: {{enabled: true, ahead: {AHEAD}, reserve: {RESERVE}}}
"""
ADA, BO, CY = "ada000000000", "bo0000000000", "cy0000000000"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> RoutedPlatform:
    memory = RoutedPlatform()

    @contextmanager
    def connected(_workspace: Workspace, _name: str) -> Iterator[RoutedPlatform]:
        yield memory

    monkeypatch.setattr(Workspace, "platform", connected)
    return memory


@pytest.fixture
def make(tmp_path: Path, platform: RoutedPlatform) -> Iterator[Callable[[str], Workspace]]:
    """Makes a workspace with tasks, and Ada and Bo as members; nothing is pushed yet."""
    made: list[Workspace] = []

    def make_one(configuration: str = CONFIGURATION) -> Workspace:
        workspace = Workspace.create(tmp_path / "workspace", configuration)
        made.append(workspace)
        logs = [
            replace(chat(f"c{n}", f"question {n}", f"answer {n}"), giver_id=ADA if n < 5 else None)
            for n in range(TASKS)
        ]
        workspace.collection.append(logs, now=NOW, delay=NOW - NOW)
        steps.seed_responses(workspace)
        assert steps.generate_tasks(workspace).created == TASKS
        for person_id in (ADA, BO):
            join_in(workspace, platform, person_id)
        return workspace

    yield make_one
    for workspace in made:
        workspace.close()


def join_in(workspace: Workspace, platform: RoutedPlatform, person_id: str) -> None:
    platform.members.add(person_id)
    with workspace.store.write() as connection:
        admit(connection, [person_id], "argilla", MemberStatus.INVITED, NOW)


def route(workspace: Workspace) -> steps.Routed:
    return steps.route_tasks(workspace)["argilla"]


def check(workspace: Workspace, platform: RoutedPlatform) -> None:
    """Hold what is assigned against the rules."""
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
    people: dict[str, set[str]] = {}
    skipped = {key for key, it in platform.said.items() if it.status is AnnotationStatus.DISCARDED}
    for key in {*platform.given, *platform.said} - skipped:
        people.setdefault(key[0].removeprefix("remote-"), set()).add(key[1])
    for some in people.values():
        assert len(some) <= OVERLAP, "no more people than the overlap"
    for remote_id, account in platform.given:
        own = {f"c{n}" for n in range(5)} if account == f"user-{ADA}" else set()
        assert own.isdisjoint(tasks[remote_id.removeprefix("remote-")].conversation_ids)
    for person_id in platform.members:
        assert len(platform.queue(person_id)) <= AHEAD


def test_tasks_that_the_platform_does_not_take_are_counted_and_said(
    make: Callable[[], Workspace], platform: RoutedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = RoutedPlatform.push

    def picky(
        self: RoutedPlatform, form: Form, contents: Iterable[TaskContent], overlap: int, refuse: Refuse
    ) -> Iterator[list[PlacedTask]]:
        bad, *good = contents
        refuse(bad.task_id, "HTTP 422: too long")
        yield from taken(self, form, good, overlap, refuse)

    workspace = make()
    with monkeypatch.context() as patched:
        patched.setattr(RoutedPlatform, "push", picky)
        ran = CliRunner().invoke(app, ["route", "--workspace", str(workspace.path)])
        assert "1 task rejected" in ran.stdout
    monkeypatch.setattr(
        "chatfeedback.steps.route.route_tasks", lambda _: {"argilla": steps.Routed(rejected=1)}
    )
    moved = steps.keep_routed(workspace)
    assert "1 task rejected" in _round(steps.Round({}, after={"routed": moved}))


def test_a_run_that_is_killed_at_any_request_is_finished_by_the_next_one(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    for requests in range(10):
        for person_id in (ADA, BO):
            for task_id in platform.queue(person_id)[:1]:
                platform.answer(person_id, task_id)
        platform.let_lapse(BO if requests % 2 else ADA)
        platform.requests_left = requests
        try:
            steps.route_tasks(workspace)
        except KilledError:
            check(workspace, platform)
        platform.requests_left = None
        route(workspace)
        check(workspace, platform)
        before = dict(platform.given)
        platform.log.clear()
        again = route(workspace)
        assert (again.given, again.taken_back, platform.log) == (0, {}, [])
        assert platform.given == before
        assert platform.routed == {BOX}
        if requests % 3 == 0:
            steps.sync_answers(workspace)
            check(workspace, platform)
    assert steps.keep_routed(workspace) == steps.Moved()
    figures = steps.route_tasks(workspace, dry_run=True)["argilla"]
    assert figures.pushed == 0
    assert len(platform.contents) + figures.later == TASKS


def test_an_answer_that_comes_while_its_time_runs_out_counts_and_nobody_gets_its_place(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)
    mine = platform.queue(BO)
    platform.let_lapse(BO)
    platform.meanwhile = lambda: platform.answer(BO, mine[0])
    assert route(workspace).late == 1
    check(workspace, platform)
    answered = [it for batch in platform.assignments(BOX) for it in batch if it.state == "answered"]
    assert [it.remote_id for it in answered] == [f"remote-{mine[0]}"], "it stays in sight of who gave it"

    # the same, and the process is killed before it could look
    mine = platform.queue(BO)
    platform.let_lapse(BO)
    platform.meanwhile = lambda: platform.answer(BO, mine[0])
    platform.requests_left = len(mine)  # to take back each of them
    with pytest.raises(KilledError):
        steps.route_tasks(workspace)
    platform.requests_left = None
    join_in(workspace, platform, CY)
    assert route(workspace).late == 1
    check(workspace, platform)


def test_a_draft_outlives_its_time_and_what_others_let_lapse_goes_to_somebody_else(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)
    first = platform.queue(BO)
    platform.answer(BO, first[0], AnnotationStatus.DRAFT)
    platform.let_lapse(BO)
    assert route(workspace).taken_back == {"not answered in time": AHEAD - 1}
    assert first[0] in platform.queue(BO)
    assert not {first[1], first[2]} & set(platform.queue(BO))
    with workspace.store.read() as connection:
        assert {it.task_id for it in lapsed(connection)} == set(first[1:])


def test_a_draft_that_is_not_saved_again_keeps_its_task_no_longer_than_any_other(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)
    task_id = platform.queue(BO)[0]
    platform.answer(BO, task_id, AnnotationStatus.DRAFT)
    key = f"remote-{task_id}", f"user-{BO}"
    platform.said[key] = replace(platform.said[key], updated_at=utc_now() - timedelta(hours=49))
    platform.let_lapse(BO)
    assert route(workspace).taken_back == {"not answered in time": AHEAD}
    assert task_id not in platform.queue(BO)
    assert route(workspace).taken_back == {}


def test_who_looks_at_nothing_gives_up_early_what_they_never_saw(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)
    held = platform.queue(BO)
    for key, it in platform.given.items():  # given 25 hours ago
        platform.given[key] = replace(it, expires_at=utc_now() + timedelta(hours=23))
    remote = f"remote-{platform.queue(ADA)[0]}", f"user-{ADA}"
    platform.given[remote] = replace(platform.given[remote], served_at=utc_now())
    assert route(workspace).taken_back == {"not looked at in time": AHEAD}
    assert not set(held) & set(platform.queue(BO))
    assert route(workspace).taken_back == {}
    with workspace.store.read() as connection:
        assert not {it.task_id for it in lapsed(connection) if it.person_id == ADA}, "she works"


def test_who_opens_a_task_in_the_moment_in_which_it_is_taken_back_keeps_it(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)
    for key, it in platform.given.items():
        platform.given[key] = replace(it, expires_at=utc_now() + timedelta(hours=23))
    opened = f"remote-{platform.queue(BO)[0]}", f"user-{BO}"

    def look() -> None:
        platform.given[opened] = replace(platform.given[opened], served_at=utc_now())

    platform.meanwhile = look
    assert route(workspace).taken_back == {"not looked at in time": 2 * AHEAD - 1}
    assert platform.queue(BO)[0] == opened[0].removeprefix("remote-")
    with workspace.store.read() as connection:
        assert opened[0].removeprefix("remote-") not in {it.task_id for it in lapsed(connection)}
    check(workspace, platform)


def test_a_draft_that_is_saved_again_while_its_time_runs_out_renews_it(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)
    task_id = platform.queue(BO)[0]
    platform.answer(BO, task_id, AnnotationStatus.DRAFT)
    key = f"remote-{task_id}", f"user-{BO}"
    platform.said[key] = replace(platform.said[key], updated_at=utc_now() - timedelta(hours=49))
    platform.let_lapse(BO)
    platform.meanwhile = lambda: platform.answer(BO, task_id, AnnotationStatus.DRAFT)
    assert route(workspace).late == 1
    assert task_id in platform.queue(BO)


def test_what_nobody_saw_is_taken_back_once_a_rule_is_against_it(
    make: Callable[[str], Workspace], platform: RoutedPlatform
) -> None:
    with make(CONFIGURATION) as workspace:
        route(workspace)
        seen = f"remote-{platform.queue(BO)[0]}", f"user-{BO}"
        platform.given[seen] = replace(platform.given[seen], served_at=utc_now())
        folder, people = workspace.path, len(platform.members)
    path = folder / "chatfeedback.yaml"
    path.write_text(CONFIGURATION.replace("enabled: true", "enabled: true, qualification: {items: 1}"))
    with Workspace.open(folder) as stricter:
        assert route(stricter).taken_back == {"waits until they qualified": people * AHEAD - 1}
        assert platform.queue(BO) == [seen[0].removeprefix("remote-")]


def test_people_keep_what_they_began_before_routing_was_switched_on(
    make: Callable[[str], Workspace], platform: RoutedPlatform
) -> None:
    with make(CONFIGURATION.replace("enabled: true", "enabled: false")) as workspace:
        assert steps.push_tasks(workspace).total == TASKS
        tasks = sorted(platform.contents)
        platform.answer(BO, tasks[3], AnnotationStatus.DRAFT)
        platform.answer(BO, tasks[4])
        with pytest.raises(UsageError, match=r"set routing\.enabled to true"):
            steps.route_tasks(workspace)
        assert steps.keep_routed(workspace) == steps.Moved()
        path = workspace.path
    (path / "chatfeedback.yaml").write_text(CONFIGURATION)
    with Workspace.open(path) as workspace:
        platform.members.clear()
        assert (route(workspace).open, platform.routed) == (1, set()), "nobody is given anything yet"
        platform.members = {ADA, BO}
        assert route(workspace).switched_on == 1
        assert tasks[3] in platform.queue(BO)
        route(workspace)
        check(workspace, platform)
        assert tasks[4] not in platform.queue(BO)


def test_strangers_barred_people_and_those_without_an_account_are_told_why_they_get_nothing(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    platform.members.add(CY)
    platform.members.remove(BO)
    found = {person.person_id: person.full for person in route(workspace).people}
    assert found[CY] == "waits for your decision (people accept)"
    assert found[BO] == "no account on the platform"
    with workspace.store.write() as connection:
        admit(connection, [CY], "argilla", MemberStatus.ACCEPTED, NOW)
    route(workspace)
    assert len(platform.queue(CY)) == AHEAD


def test_near_copies_are_for_different_people(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    with workspace.store.write() as connection:
        join(connection, [("c10", f"c{n}") for n in range(11, TASKS)])
    with workspace.store.read() as connection:
        tasks = all_tasks(connection)
    for _ in range(8):
        route(workspace)
        for person_id in (ADA, BO):
            for task_id in platform.queue(person_id):
                platform.answer(person_id, task_id)
    for person_id in (ADA, BO):
        had = [
            tasks[key[0].removeprefix("remote-")] for key in platform.said if key[1] == f"user-{person_id}"
        ]
        copies = [it for it in had if int(it.conversation_ids[0][1:]) >= 10]
        assert len(copies) == 1


def test_people_practise_first_and_the_lead_sees_how_far_they_are(
    make: Callable[[str], Workspace], platform: RoutedPlatform
) -> None:
    rule = CONFIGURATION.replace(
        f"reserve: {RESERVE}", f"reserve: {RESERVE}, qualification: {{items: 2, correct: 1, most: 3}}"
    )
    workspace = make(rule)
    with workspace.store.write() as connection:
        tasks = [it for it in all_tasks(connection).values() if int(it.conversation_ids[0][1:]) >= 5]
        gold = [it.id for it in tasks[:8]]
        save_gold(connection, {name: {"helpful": "yes"} for name in gold}, NOW)
    route(workspace)
    assert {*platform.queue(ADA), *platform.queue(BO)} <= set(gold)
    assert len(platform.queue(ADA)) == 2, "no more than decide it"
    for task_id in platform.queue(ADA):
        platform.answer(ADA, task_id)
    for task_id in platform.queue(BO):
        platform.answer(BO, task_id, helpful="no")
    steps.sync_answers(workspace)
    route(workspace)
    assert len(platform.queue(ADA)) == AHEAD
    assert not set(platform.queue(ADA)) & set(gold), "the lead's gold is kept for those who practise"
    (last,) = platform.queue(BO)
    assert last in gold
    platform.answer(BO, last, helpful="no")
    steps.sync_answers(workspace)
    (bo,) = [person for person in route(workspace).people if person.person_id == BO]
    assert (bo.waiting, bo.full, bo.stage) == (0, "did not qualify", "not qualified")
    practised = steps.practised(workspace)
    assert (practised[ADA].stage, practised[ADA].right) == ("qualified", 1.0)
    assert (practised[BO].stage, practised[BO].tasks) == ("not qualified", 3)


def test_a_group_gets_its_mixes_and_the_others_the_rest(
    make: Callable[[str], Workspace], platform: RoutedPlatform
) -> None:
    mixes = CONFIGURATION.replace(
        "mix: {kinds: {qualitative: 1}, overlap: 2}",
        "mixes: {hard: {kinds: {qualitative: 1}, overlap: 2, limit: 4}, "
        "default: {kinds: {qualitative: 1}, overlap: 2}}",
    ).replace(f"reserve: {RESERVE}", f"reserve: {RESERVE}, groups: {{experts: [hard]}}")
    workspace = make(mixes)
    steps.set_group_of(workspace, BO, "experts")
    with pytest.raises(UsageError, match="groups here: experts"):
        steps.set_group_of(workspace, BO, "nobody")
    route(workspace)
    with workspace.store.read() as connection:
        mix_of = {task_id: it.mix for task_id, it in all_tasks(connection).items()}
    assert {mix_of[task_id] for task_id in platform.queue(BO)} == {"hard"}
    assert {mix_of[task_id] for task_id in platform.queue(ADA)} == {"default"}
    steps.set_group_of(workspace, BO, "")
    assert route(workspace).taken_back == {"is for another group": AHEAD}
    assert {mix_of[task_id] for task_id in platform.queue(BO)} == {"default"}


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        (
            "{groups: {experts: [soft]}}",
            r"routing\.groups\.experts names the mix 'soft'; mixes here: default",
        ),
        ("{qualification: {items: 4, most: 3}}", r"most \(3\) is less than items \(4\)"),
        ("{ahead: 0}", r"'routing\.ahead'"),
        ("{enabled: maybe}", r"'routing\.enabled'"),
    ],
)
def test_a_routing_section_that_cannot_be_is_refused_with_what_is_allowed(
    tmp_path: Path, routing: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Workspace.create(tmp_path / "w", f"version: 1\nplatforms: {{argilla: {{}}}}\nrouting: {routing}\n")


def test_a_day_brings_as_many_tasks_as_it_may(
    make: Callable[[str], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make(CONFIGURATION.replace(f"reserve: {RESERVE}", f"reserve: {RESERVE}, per_day: 4"))
    for _ in range(4):
        route(workspace)
        for task_id in platform.queue(BO):
            platform.answer(BO, task_id)
    assert sum(account == f"user-{BO}" for _, account in platform.said) == 4
    steps.sync_answers(workspace)
    (bo,) = [person for person in route(workspace).people if person.person_id == BO]
    assert bo.full == "has as many for today as routing.per_day says"


def test_what_is_said_of_a_person_and_of_a_task_agrees(
    make: Callable[[], Workspace], platform: RoutedPlatform
) -> None:
    workspace = make()
    route(workspace)

    def explain(name: str) -> Any:
        ran = CliRunner().invoke(
            app, ["route", "--explain", name, "--workspace", str(workspace.path), "--json"]
        )
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    with workspace.store.write() as connection:  # until then they are nobody's pseudonyms
        save_identities(connection, {f"digest {name}": name for name in (ADA, BO)}, NOW)
    (ada,) = explain(ADA)["platforms"]
    assert [it["task_id"] for it in ada["waiting"]] == platform.queue(ADA)
    reasons = Counter(
        explain(task_id)["task"]["people"][ADA]
        for task_id in list(all_of(workspace))[:6]
        if task_id not in platform.queue(ADA)
    )
    assert set(reasons) <= {*ada["others"], ada["full"]}
    shown = CliRunner().invoke(app, ["route", "--explain", ADA, "--workspace", str(workspace.path)])
    assert "shows a conversation that they gave" in shown.stdout


def all_of(workspace: Workspace) -> list[str]:
    with workspace.store.read() as connection:
        return list(all_tasks(connection))


def test_a_platform_that_cannot_is_named_by_doctor_and_by_route(tmp_path: Path) -> None:
    configuration = (
        "version: 1\nplatforms: {label_studio: {}}\nmixes: {default: {}, hard: {}}\n"
        "routing: {enabled: true, groups: {experts: [hard]}}\n"
    )
    with Workspace.create(tmp_path / "w", configuration) as workspace:
        with pytest.raises(
            UsageError, match=r"no platform in chatfeedback\.yaml can give tasks.*name Argilla"
        ):
            steps.route_tasks(workspace)
        assert steps.keep_routed(workspace) == steps.Moved()
        found = steps.routing_finding(workspace, NumberedPlatform())
    assert found.warning
    assert "everybody there is offered every task until enough people have answered it" in found.detail
    assert "groups are not kept apart there" in found.detail


@pytest.mark.parametrize("absent", [4, 16, 30])
def test_where_tasks_are_few_everybody_gets_a_share(
    make: Callable[[], Workspace], platform: RoutedPlatform, absent: int
) -> None:
    """Who was invited and never came does not take all; what they get waits for them until its time is over."""
    workspace = make()
    for number in range(absent):
        join_in(workspace, platform, f"absent{number:06}")
    route(workspace)
    check(workspace, platform)
    assert all(platform.queue(person_id) for person_id in platform.members)
    counts = Counter(account for _, account in platform.given)
    assert max(counts.values()) <= 2 * min(counts.values())


def test_what_cannot_be_pushed_is_said_and_keeps_nobody_from_what_stands_there(
    make: Callable[[], Workspace], platform: RoutedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make()
    route(workspace)
    platform.answer(BO, platform.queue(BO)[0])
    steps.sync_answers(workspace)

    def refuse(*_: object) -> Iterator[list[PlacedTask]]:
        raise ConnectionFailedError("the form has another overlap")
        yield

    monkeypatch.setattr(platform, "push", refuse)
    for task_id in platform.queue(BO):
        platform.answer(BO, task_id)
    failures: list[WorkbenchError] = []
    routed = steps.route_tasks(workspace, failures=failures)["argilla"]
    assert [str(each) for each in failures] == ["the form has another overlap"]
    assert routed.given > 0
    check(workspace, platform)
    for person_id in (ADA, BO):
        for task_id in platform.queue(person_id):
            platform.answer(person_id, task_id)
    with pytest.raises(ConnectionFailedError, match="another overlap"):
        steps.route_tasks(workspace)
