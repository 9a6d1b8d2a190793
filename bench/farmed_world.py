"""The world of `farming.py`: what is true of its tasks, who its people are, and what they answer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from reward_engine import quote
from workspaces.records import AnnotationStatus, Preference, Quality, Significance, Tag, Task, stable_id
from workspaces.store.annotations import AnnotationRevision, content_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workspaces.config import RatesConfig

START = datetime(2026, 1, 1, tzinfo=UTC)
A_DAY, OVERLAP = 12, 3
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


@dataclass(frozen=True, slots=True)
class Size:
    """How many people a world has, how many of them farm or come late, and how many days it lasts."""

    people: int = 200
    farmers: int = 20
    newcomers: int = 30
    days: int = 8


USUAL = Size()


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


def crowd(rng: np.random.Generator, size: Size) -> list[Person]:
    """Return the people of a world; the farmers come first, in the order of ``STRATEGIES``."""
    each = size.farmers // len(STRATEGIES)
    people = [
        Person(f"p{number:023}", "honest", float(np.clip(rng.beta(16, 4), 0.65, 0.98)), float(rng.random()))
        for number in range(size.people)
    ]
    for number in range(size.farmers):
        person, place = people[number], number % each
        person.kind = STRATEGIES[number // each]
        person.lean = place / each
        if person.kind in ("copy", "second") and place % 2:
            person.source = people[number - 1]
            person.shared = 0.5 if person.kind == "copy" else 1.0
    for person in people[-size.newcomers :]:
        person.kind = "newcomer"
        person.first_day = size.days - int(rng.integers(1, 3))
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
