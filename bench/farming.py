"""What do people who farm points keep? 200 people, 20 of whom farm, over the real rules, screening and settlement.

Run: python -m bench.farming [worlds, 3 by default] [--vesting]

Each world is a workspace of its own (SQLite). Every day people answer tasks (six tags, or a choice between two), then
``settle``, ``report``'s evaluation and screening run as they do for a lead, with the settings as they come. The lead of
this bench reads no evidence: every flag is accepted with its points taken back. That is the worst that screening can
do to honest people. Four people farm by each strategy:

- random: clicks anywhere, evenly or by the shares of the answers;
- always: gives one answer throughout;
- copy: two pairs; of each one copies the other on half of their tasks. One is copied who reads, one who guesses;
- second: two people with two accounts each, who read a task once and answer it twice;
- seed: asks a model of the kind that gives the seed feedback, and says what it says.

Honest people differ in accuracy and lean their own way; some responses are hard for everybody. 30 of them are
newcomers of the last days, with 2 to 8 tasks in all.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import sqlalchemy as sa

from chatfeedback.steps import settle_answers
from chatfeedback.steps.evaluation import evaluate
from chatfeedback.steps.members import bar_person
from quality.aggregation.bradley_terry import bradley_terry
from reward_engine import quote, verify
from reward_engine.ledger import earnings
from workspaces.records import (
    AnnotationStatus,
    Preference,
    Quality,
    SeedFeedback,
    Significance,
    Tag,
    Task,
    stable_id,
)
from workspaces.store.annotations import AnnotationRevision, content_hash, save_revisions
from workspaces.store.confidences import latest_confidence
from workspaces.store.flags import FlagStatus, flags, review_flag
from workspaces.store.seed_feedback import save_seeds
from workspaces.store.settlements import settlement
from workspaces.store.tasks import save_tasks
from workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workspaces.config import RatesConfig

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE, FARMERS, NEWCOMERS = 200, 20, 30
DAYS, A_DAY, OVERLAP = 8, 12, 3
MODELS = 10
STRATEGIES = ("random", "always", "copy", "second", "seed")
TAGS = [tag.value for tag in Tag]  # N/A, no, yes
TRUE_SHARES = {
    Quality.INSTRUCTION: (0.03, 0.22, 0.75),
    Quality.HELPFUL: (0.05, 0.28, 0.67),
    Quality.FACTUAL: (0.20, 0.20, 0.60),
    Quality.STYLE: (0.02, 0.23, 0.75),
    Quality.SENSITIVE: (0.02, 0.90, 0.08),
    Quality.TOXIC: (0.02, 0.93, 0.05),
}
SIDES = [side.value for side in Preference]
SIDE_SHARES = (0.41, 0.18, 0.41)
HARD, SLIP = 0.15, 0.03
SEED_ACCURACY = 0.8


@dataclass
class Person:
    """One account. ``source`` is the account that it copies, on a ``shared`` part of the tasks."""

    name: str
    kind: str
    accuracy: float
    lean: float
    source: Person | None = None
    shared: float = 1.0
    first_day: int = 0
    a_day: int = A_DAY


@dataclass
class World:
    """What is true of every task, what the seed says, and who answered what."""

    rng: np.random.Generator
    people: list[Person]
    tasks: dict[str, Task] = field(default_factory=dict)
    truth: dict[str, dict[str, str]] = field(default_factory=dict)
    seed: dict[str, dict[str, str]] = field(default_factory=dict)
    hard: set[str] = field(default_factory=set)
    said: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)


def crowd(rng: np.random.Generator) -> list[Person]:
    """Return the people of a world; the farmers come first, in the order of ``STRATEGIES``."""
    each = FARMERS // len(STRATEGIES)
    people = [
        Person(f"p{number:023}", "honest", float(np.clip(rng.beta(16, 4), 0.65, 0.98)), float(rng.random()))
        for number in range(PEOPLE)
    ]
    for number in range(FARMERS):
        person, place = people[number], number % each
        person.kind = STRATEGIES[number // each]
        person.lean = place / each
        if person.kind in ("copy", "second") and place % 2:
            person.source = people[number - 1]
            person.shared = 0.5 if person.kind == "copy" else 1.0
    for person in people[-NEWCOMERS:]:
        person.kind = "newcomer"
        person.first_day = DAYS - int(rng.integers(1, 3))
        person.a_day = int(rng.integers(2, 5))
    return people


def make_tasks(world: World, day: int, number: int, rates: RatesConfig) -> list[Task]:
    """Return one day's tasks: two of three ask for tags, one for a choice between two models' responses."""
    rng, made = world.rng, []
    for place in range(number):
        name, kind = f"d{day}t{place:021}"[-24:], "qualitative" if place % 3 else "preference"
        models = rng.choice(MODELS, 2, replace=False)
        if kind == "qualitative":
            true = {quality.value: TAGS[rng.choice(3, p=shares)] for quality, shares in TRUE_SHARES.items()}
            options = dict.fromkeys(true, TAGS)
        else:
            wins = 1 / (1 + np.exp(-0.25 * (models[0] - models[1])))
            shares = (wins * (1 - SIDE_SHARES[1]), SIDE_SHARES[1], (1 - wins) * (1 - SIDE_SHARES[1]))
            true, options = {"preference": SIDES[rng.choice(3, p=shares)]}, {"preference": SIDES}
        if rng.random() < HARD:
            world.hard.add(name)
        right = SEED_ACCURACY - 0.2 * (name in world.hard)
        world.truth[name] = true
        world.seed[name] = {
            question: value if rng.random() < right else str(rng.choice(_others(options[question], value)))
            for question, value in true.items()
        }
        responses = tuple(f"{name}#{model}" for model in models[: 1 if kind == "qualitative" else 2])
        level = (Significance.LOW, Significance.MEDIUM, Significance.HIGH)[
            int(rng.choice(3, p=(1 / 6, 1 / 3, 1 / 2)))
        ]
        made.append(
            Task(
                id=name, kind=kind, message_ids=responses, conversation_ids=(name,) * len(responses),
                significance=level, quote=quote(kind, level, rates), rules_version=rates.version,
                platform="argilla", overlap=OVERLAP, created_at=START + timedelta(days=day),
            )
        )  # fmt: skip
    world.tasks |= {task.id: task for task in made}
    return made


def _others(options: Sequence[str], value: str) -> list[str]:
    return [option for option in options if option != value]


def deal(world: World, day: int) -> list[tuple[Person, str]]:
    """Return who answers which task of a day, in order; partners come first and take the same tasks for their shared
    part.
    """
    tasks = [name for name in world.tasks if name.startswith(f"d{day}t")]
    room = dict.fromkeys(tasks, OVERLAP)
    taken: dict[str, list[str]] = defaultdict(list)
    order = [person for person in world.people if person.first_day <= day]
    partner_of = {person.source.name: person for person in order if person.source}
    drawn = [order[i] for i in world.rng.permutation(len(order)) if order[i].source is None]
    for person in sorted(drawn, key=lambda one: one.name not in partner_of):
        partner = partner_of.get(person.name)
        for who, shared in ((person, 0.0), *([(partner, partner.shared)] if partner else ())):
            common = [name for name in taken[person.name] if who is not person][: round(shared * who.a_day)]
            for name in common:
                if room[name]:
                    room[name] -= 1
                    taken[who.name].append(name)
            open_tasks = [name for name in tasks if room[name] and name not in taken[who.name]]
            most_room = sorted(open_tasks, key=lambda name: (-room[name], world.rng.random()))
            for name in most_room[: who.a_day - len(taken[who.name])]:
                room[name] -= 1
                taken[who.name].append(name)
    by_name = {person.name: person for person in order}
    visits = [(by_name[name], task) for name, names in taken.items() for task in names]
    visits = [visits[i] for i in world.rng.permutation(len(visits))]
    return sorted(visits, key=lambda visit: visit[0].source is not None)  # who copies comes after


def answer(world: World, person: Person, name: str) -> dict[str, str]:
    """Return what a person says of a task."""
    rng, task = world.rng, world.tasks[name]
    copied = world.said.get((person.source.name, name)) if person.source else None
    said = {}
    for question, true in world.truth[name].items():
        options = TAGS if task.kind == "qualitative" else SIDES
        shares = TRUE_SHARES[Quality(question)] if task.kind == "qualitative" else SIDE_SHARES
        guess = str(rng.choice(options, p=shares))
        kind = person.source.kind if person.source and copied is None else person.kind
        right = person.accuracy - 0.2 * (name in world.hard)
        if copied is not None and rng.random() >= SLIP:
            value = copied[question]
        elif kind == "random":
            value = guess if person.lean >= 0.5 else str(rng.choice(options))
        elif kind == "always":
            value = options[2] if person.lean < 0.75 else options[0 if task.kind == "preference" else 1]
        elif kind == "copy" and person.lean >= 0.5:
            value = guess
        elif kind == "seed" and rng.random() >= SLIP:
            value = world.seed[name][question]
        elif rng.random() < right:
            value = true
        else:
            value = options[2] if rng.random() < person.lean / 2 else guess
        said[question] = value
    world.said[person.name, name] = said
    return said


def revisions(world: World, day: int) -> list[AnnotationRevision]:
    """Return the answers of a day as they come from a platform."""
    rows = []
    for place, (person, name) in enumerate(deal(world, day)):
        said, at = answer(world, person, name), START + timedelta(days=day, seconds=place)
        answer_id = stable_id(name, person.name)
        rows.append(
            AnnotationRevision(
                annotation_id=answer_id, revision=1, task_id=name, person_id=person.name, platform="argilla",
                response_id=answer_id, status=AnnotationStatus.SUBMITTED, answers=said,
                content_hash=content_hash("submitted", said), updated_at=at, synced_at=at,
            )
        )  # fmt: skip
    return rows


@dataclass
class Outcome:
    """What one world came to: points by person before and after review, when each was flagged, who lost what."""

    before: dict[str, int]
    after: dict[str, int]
    flagged: dict[str, tuple[int, int, str]]
    unpaid: dict[str, int]
    world: World
    lowered: set[str]
    paid: float
    seconds: float


def run(workspace: Workspace, number: int) -> Outcome:
    """Run one world from the first day to the last review."""
    started = time.perf_counter()
    rng = np.random.default_rng(number)
    world = World(rng, crowd(rng))
    flagged: dict[str, tuple[int, int, str]] = {}
    answers: Counter[str] = Counter()
    before: dict[str, int] = {}
    for day in range(DAYS):
        there = sum(person.a_day for person in world.people if person.first_day <= day)
        tasks = make_tasks(world, day, round(1.05 * there / OVERLAP), workspace.config.rates)
        done = revisions(world, day)
        answers.update(revision.person_id for revision in done)
        with workspace.store.write() as connection:
            save_tasks(connection, tasks)
            save_seeds(connection, _seeds(world, tasks))
            save_revisions(connection, done)
        settle_answers(workspace)
        evaluate(workspace)
        with workspace.store.write() as connection:
            for flag in flags(connection, FlagStatus.OPEN):
                review_flag(connection, flag.flag_id, FlagStatus.ACCEPTED, "lead", START)
                bar_person(workspace, connection, flag.person_id, "lead")
                flagged.setdefault(flag.person_id, (day + 1, answers[flag.person_id], flag.reason))
        if day == DAYS - 1:
            with workspace.store.read() as connection:
                before = earnings(connection)
    settle_answers(workspace)
    with workspace.store.read() as connection:
        after, checked = earnings(connection), verify(connection)
        lowered = {who for who, row in latest_confidence(connection).items() if row.multiplier < 1}
        ever = paid_out(connection)
    assert checked.is_whole, checked.problems
    offered: Counter[str] = Counter()
    for person_id, name in world.said:
        offered[person_id] += sum(
            points for part, points in world.tasks[name].quote.items() if part != "suggestion"
        )
    unpaid = {who: points - after.get(who, 0) for who, points in offered.items()}
    farming = {person.name for person in world.people if person.kind in STRATEGIES}
    share = sum(points for who, points in ever.items() if who in farming) / sum(ever.values())
    return Outcome(before, after, flagged, unpaid, world, lowered, share, time.perf_counter() - started)


def paid_out(connection: sa.Connection) -> dict[str, int]:
    """Return the points ever credited to each person for answers, whatever was taken back later."""
    query = sa.select(settlement.c.person_id, sa.func.sum(settlement.c.delta)).where(settlement.c.delta > 0)
    rows = connection.execute(query.group_by(settlement.c.person_id))
    return {person_id: int(points) for person_id, points in rows}


def _seeds(world: World, tasks: Sequence[Task]) -> list[SeedFeedback]:
    return [
        SeedFeedback(
            task.message_ids[0],
            "judge",
            "1",
            {Quality(name): Tag(value) for name, value in world.seed[task.id].items()},
            task.significance,
            task.created_at,
        )
        for task in tasks
        if task.kind == "qualitative"
    ]


def model_places(world: World, people: set[str]) -> list[str]:
    """Return the models in the order of the votes of some people."""
    rows = []
    for (person, name), said in world.said.items():
        if person in people and "preference" in said:
            first, second = (message.partition("#")[2] for message in world.tasks[name].message_ids)
            value = {"a": "first", "b": "second", "tie": "tie"}[said["preference"]]
            rows.append((first, second, value, name, person))
    table = pd.DataFrame(rows, columns=["first", "second", "value", "item", "annotator"])
    return [str(model) for model in bradley_terry(table).scores.index]


def moved(before: Sequence[str], after: Sequence[str]) -> tuple[float, int]:
    """Return the mean and the largest number of places that those on both boards moved by, among themselves."""
    common = set(before) & set(after)
    old, new = ([name for name in board if name in common] for board in (before, after))
    moves = [abs(place - new.index(name)) for place, name in enumerate(old)]
    return float(np.mean(moves)), max(moves)


def overtaken(points: Mapping[str, int], farmers: set[str]) -> float:
    """Return the mean number of farmers who stand before an honest person on the board."""
    honest = [points[who] for who in points if who not in farmers]
    theirs = np.array([points.get(who, 0) for who in farmers])
    return float(np.mean([(theirs > own).sum() for own in honest]))


def main(worlds: int, configuration: str | None) -> None:
    """Print what each strategy keeps, when it was flagged, and what honest people lost."""
    outcomes = []
    for number in range(worlds):
        with (
            tempfile.TemporaryDirectory() as folder,
            Workspace.create(Path(folder) / "w", configuration) as workspace,
        ):
            outcomes.append(run(workspace, number))
            _print_world(number, outcomes[-1])
    print(
        "strategy | people, flagged | day of the flag, median and last | tasks done then | share of points kept"
    )
    for kind in (*STRATEGIES, "honest", "newcomer"):
        _print_kind(kind, outcomes)


def _print_world(number: int, one: Outcome) -> None:
    farmers = {person.name for person in one.world.people if person.kind in STRATEGIES}
    honest = {person.name for person in one.world.people} - farmers
    kept = [
        sum(points.get(who, 0) for who in farmers) / sum(points.values())
        for points in (one.before, one.after)
    ]
    standing = {who for who in farmers if one.after.get(who, 0) > 0} | honest
    places = [model_places(one.world, people) for people in (honest, honest | farmers, standing)]
    print(
        f"world {number}: {len(one.world.said):,} answers, {sum(one.after.values()):,} points in {one.seconds:.0f} s\n"
        f"  farmers were paid {one.paid:.2%} of what was ever paid out, hold {kept[0]:.2%} before the last review and "
        f"keep {kept[1]:.2%}\n"
        f"  farmers before an honest person on the board: {overtaken(one.before, farmers):.2f}, then "
        f"{overtaken(one.after, farmers):.2f}\n"
        f"  models move {moved(places[0], places[1])[0]:.2f} places by farmers' votes, "
        f"{moved(places[0], places[2])[0]:.2f} after review",
        flush=True,
    )


def _print_kind(kind: str, outcomes: Sequence[Outcome]) -> None:
    theirs = [(one, person.name) for one in outcomes for person in one.world.people if person.kind == kind]
    found = [one.flagged[who] for one, who in theirs if who in one.flagged]
    kept = sum(one.after.get(who, 0) for one, who in theirs) / sum(
        sum(one.after.values()) for one in outcomes
    )
    days = f"{np.median([row[0] for row in found]):.0f} {max(row[0] for row in found)}" if found else "-"
    tasks = f"{np.median([row[1] for row in found]):.0f}" if found else "-"
    unpaid = sum(one.unpaid.get(who, 0) > 0 for one, who in theirs)
    lowered = sum(who in one.lowered for one, who in theirs)
    print(
        f"{kind:9} {len(theirs):5} {len(found):5} | {days:6} | {tasks:4} | {kept:7.2%} | less than offered: {unpaid}, "
        f"multiplier below 1: {lowered} | {dict(Counter(row[2] for row in found))}"
    )


VESTING = """\
version: 1
platforms: {argilla: {}}
rates: {vesting: on_agreement}
"""

if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(numbers[0] if numbers else 3, VESTING if "--vesting" in sys.argv else None)
